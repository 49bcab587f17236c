"""Changes to deals. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence

from crm_chassis.kernel.errors import Flaw, Invalid
from crm_chassis.mongo.guards import share
from crm_chassis.resources.customer_names import take_names
from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_sales.deals.documents import Deal
from crm_sales.deals.queries import last_open_stage
from crm_sales.deals.rules import (
    refuse_repeated_contacts,
    refuse_unless_closed,
    refuse_unless_open,
)
from crm_sales.pipelines.queries import default_pipeline, steps_in
from crm_sales.pipelines.rules import LOST, OPEN, WON, Step, first_of, step_after, step_of

# The fields that say whose deal it is.
_REFERRING = frozenset({"organization", "contacts"})


def create_deal(tx: Transaction, deal: Deal) -> Deal:
    """Store a new deal: in the first stage of the default pipeline where it tells no other.

    Raises:
        Invalid: its stage is none of the pipeline's, or closed; a person is there twice.
    """
    deal.pipeline = deal.pipeline or default_pipeline() or ""
    if not deal.pipeline:
        flaw = Flaw("pipeline", "REQUIRED", "is needed: there is no default one")
        raise Invalid("A deal needs a pipeline.", flaw)
    deal.state = OPEN
    _enter(tx, deal, _begin(_steps(tx, deal), deal.stage), deal.probability)
    _refer(tx, deal)
    return tx.insert(deal)


def update_deal(tx: Transaction, changes: Deal, paths: Sequence[str], etag: str) -> Deal:
    """Take over from `changes` the fields that `paths` name. Another stage advances it.

    Raises:
        NotFound: there is no such deal.
        Stale: an `etag` is given, and it has changed since.
        Invalid: as in `create_deal`.
        NotAllowed: it is closed, and its stage or pipeline would change.
    """
    deal = tx.load(Deal, changes.name, expecting=etag)
    before = deal.pipeline, deal.stage
    take_over(changes, deal, paths)
    deal.pipeline = deal.pipeline or before[0]
    if deal.pipeline != before[0] and "stage" not in paths:
        deal.stage = ""
    if not deal.stage or (deal.pipeline, deal.stage) != before:
        refuse_unless_open(deal.state)
        told = deal.probability if "probability" in paths else None
        _enter(tx, deal, _begin(_steps(tx, deal), deal.stage), told)
    elif deal.probability is None:
        deal.probability = _probability(_steps(tx, deal), deal.stage)
    if not _REFERRING.isdisjoint(paths):
        _refer(tx, deal)
    is_moved = (deal.pipeline, deal.stage) != before
    return tx.update(deal, "advanced" if is_moved else "updated")


def advance_deal(tx: Transaction, name: str, stage: str, etag: str) -> Deal:
    """Move a deal to another open stage: the next one when none is told.

    Raises:
        NotFound, Stale, Invalid: as in `update_deal`.
        NotAllowed: it is closed, or in the last open stage.
    """
    deal = tx.load(Deal, name, expecting=etag)
    refuse_unless_open(deal.state)
    steps = _steps(tx, deal)
    step = step_of(steps, stage, "stage") if stage else step_after(steps, deal.stage)
    if step.id != deal.stage:
        _enter(tx, deal, step, None)
    return tx.update(deal, "advanced")


def win_deal(tx: Transaction, name: str, etag: str) -> Deal:
    """Close a deal as won.

    Raises:
        NotFound, Stale: as in `update_deal`.
        NotAllowed: it is closed.
    """
    deal = tx.load(Deal, name, expecting=etag)
    _close(tx, deal, WON, 100)
    return tx.update(deal, "won")


def lose_deal(tx: Transaction, name: str, reason: str, etag: str) -> Deal:
    """Close a deal as lost.

    Raises:
        NotFound, Stale, NotAllowed: as in `win_deal`.
    """
    deal = tx.load(Deal, name, expecting=etag)
    deal.lost_reason = reason
    _close(tx, deal, LOST, 0)
    return tx.update(deal, "lost")


def reopen_deal(tx: Transaction, name: str, stage: str, etag: str) -> Deal:
    """Open a closed deal again, in the stage that it was closed from when none is told.

    Raises:
        NotFound, Stale, Invalid: as in `update_deal`.
        NotAllowed: it is open.
    """
    deal = tx.load(Deal, name, expecting=etag)
    refuse_unless_closed(deal.state)
    steps = _steps(tx, deal)
    last = last_open_stage(name)
    known = last if last in {step.id for step in steps if step.kind == OPEN} else None
    deal.state, deal.lost_reason, deal.close_time = OPEN, None, None
    _enter(tx, deal, _begin(steps, stage or known), None)
    return tx.update(deal, "reopened")


def delete_deal(tx: Transaction, name: str, etag: str) -> Deal:
    """Take a deal away.

    Raises:
        NotFound, Stale: as in `update_deal`.
    """
    return tx.delete(tx.load(Deal, name, expecting=etag))


def undelete_deal(tx: Transaction, name: str, etag: str) -> Deal:
    """Bring a deal back.

    Raises:
        NotFound, Stale: as in `update_deal`.
        NotAllowed: it was not taken away.
    """
    return tx.undelete(tx.load_deleted(Deal, name, expecting=etag))


def _steps(tx: Transaction, deal: Deal) -> list[Step]:
    """The stages of a deal's pipeline, which stay as they are until the end."""
    share(tx, deal.pipeline)
    return steps_in(deal.pipeline)


def _begin(steps: Sequence[Step], stage: str | None) -> Step:
    if stage:
        return step_of(steps, stage, "stage")
    first = first_of(steps, OPEN)
    assert first is not None, "a pipeline has an open stage"
    return first


def _enter(tx: Transaction, deal: Deal, step: Step, probability: int | None) -> None:
    deal.stage, deal.stage_time = step.id, tx.now
    deal.probability = step.probability if probability is None else probability


def _close(tx: Transaction, deal: Deal, state: str, probability: int) -> None:
    refuse_unless_open(deal.state)
    step = first_of(_steps(tx, deal), state)
    deal.state, deal.close_time = state, tx.now
    _enter(tx, deal, Step(step.id if step else deal.stage, state, probability), None)


def _probability(steps: Sequence[Step], stage: str) -> int:
    return next((step.probability for step in steps if step.id == stage), 0)


def _refer(tx: Transaction, deal: Deal) -> None:
    refuse_repeated_contacts([participant.contact for participant in deal.contacts])
    take_names(tx, deal)
