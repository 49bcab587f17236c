"""Changes to deliveries: planned, noted, settled, and what a recipient says afterwards."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import WriteError

from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.campaigns.queries import stands
from crm_campaigns.campaigns.rules import CANCELLED, SENDING, SENT
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.deliveries.queries import (
    delivery_of_link,
    next_time,
    pending_rows,
    planned_ids,
    untried_rows,
)
from crm_campaigns.deliveries.rules import (
    FAILED,
    LATER,
    MOST_TRIES,
    PENDING,
    SUPPRESSED,
    UNASKED_PAUSE,
    WORDS,
    Note,
    Outcome,
    delivery_id,
    pause_after,
    settled_row,
)
from crm_campaigns.members.queries import contacts_after
from crm_campaigns.recipients.commands import keep_withdrawal
from crm_chassis.kernel.ids import id_of
from crm_chassis.mongo.connection import database
from crm_chassis.resources.bulk import update_rows
from crm_chassis.resources.transaction import Transaction

Row = dict[str, Any]
# So many recipients are planned, or let go of, in one transaction.
TOGETHER = 500


def plan_deliveries(tx: Transaction, name: str) -> bool:
    """Give the next recipients of a campaign their deliveries; tells whether there are more.

    A recipient has one whatever happens: its id follows from campaign and contact. Two who plan at
    once do it one after the other.
    """
    tx.hold(Campaign, [name])
    campaign = Campaign.rows().find_one(Campaign.key_of(name), session=tx.session)
    if campaign is None or campaign["state"] != SENDING or campaign.get("planned"):
        return False
    audience, after = campaign["audience"], campaign.get("planned_to", "")
    stood = stands(tx, audience)
    members = contacts_after(tx, audience, after, TOGETHER) if stood else []
    ids = {delivery_id(name, member["contact"]): member["contact"] for member in members}
    there = planned_ids(tx, list(ids))
    new = [_planned(tx, campaign, id_, ids[id_]) for id_ in ids if id_ not in there]
    if new:
        tx.insert_rows(Delivery, [tx.prepare_row(Delivery, row) for row in new])
    is_last = len(members) < TOGETHER
    state: Row = {"ready": tx.now, "planned": is_last}
    if members:
        state["planned_to"] = members[-1]["_id"]
    change = {"$set": state, "$inc": {"stats.recipients": len(new)}}
    Campaign.rows().update_one({"_id": campaign["_id"]}, change, session=tx.session)
    return not is_last


def withdraw_deliveries(tx: Transaction, name: str) -> bool:
    """Let go of some recipients of a cancelled campaign; tells whether there may be more."""
    campaign = Campaign.rows().find_one(Campaign.key_of(name), session=tx.session)
    if campaign is None or campaign["state"] != CANCELLED:
        return False
    rows = untried_rows(tx, name, TOGETHER)
    _settle_rows(tx, rows, dict.fromkeys(_ids(rows), Outcome(SUPPRESSED, "CANCELLED")))
    return len(rows) == TOGETHER


def note(notes: Sequence[Note]) -> list[bool]:
    """Note at once, beside the deliveries, what became of some and that others' attempts begin.

    It is on disk when this returns: of a process that dies afterwards is known what had begun.
    Tells of each whether its attempt may begin: nobody else has, and the delivery still waits.

    Raises:
        PyMongoError: it is not known whether it was noted.
    """
    changes = [change for each in notes for change in _changes_of(each)]
    if not changes or _updated(changes) == len(changes):
        return [True] * len(notes)
    return list(map(_has_begun, notes))


def settle(tx: Transaction, told: Mapping[str, Outcome]) -> Counter[str]:
    """Store what became of deliveries, and count it in their campaigns. Gives how many by state."""
    return _settle_rows(tx, pending_rows(tx, list(told)), told)


def settle_round(
    tx: Transaction, told: Mapping[str, Outcome], campaign: str, pause: timedelta
) -> Counter[str]:
    """Settle a round of a campaign, whose next turn comes after a pause."""
    put_off(tx, campaign, tx.now + pause)
    return settle(tx, told)


def conclude(tx: Transaction, name: str) -> bool:
    """Look when a campaign goes on, and end it when all is done; tells whether it has ended."""
    row = Campaign.rows().find_one(Campaign.key_of(name), session=tx.session)
    if row is None:
        return False
    upcoming = next_time(tx, name)
    is_over = row["state"] == SENDING and row.get("planned") and upcoming is None
    if is_over:
        campaign = tx.see(Campaign, name)
        campaign.state, campaign.ready = SENT, None
        tx.update(campaign, "finished")
        return True
    put_off(tx, name, (upcoming or tx.now) if row["state"] == SENDING else None)
    return False


def put_off(tx: Transaction, name: str, moment: Any) -> None:
    """Let the sender look at a campaign again at a moment; at none, when it is sent again."""
    change = {"$set": {"ready": moment}} if moment else {"$unset": {"ready": ""}}
    Campaign.rows().update_one(Campaign.key_of(name), change, session=tx.session)


def unsubscribe(tx: Transaction, token: str) -> Delivery:
    """Note that the recipient wants no more of it. A second time changes nothing.

    Raises:
        NotFound: the token is none of ours, or the caller may not see its delivery.
        Forbidden: the caller may not change it.
    """
    row = delivery_of_link(token, tx.session)
    tx.refuse_unless_allowed(Delivery, row)
    delivery = Delivery.of_row(row)
    delivery.stored = row
    if delivery.unsubscribe_time is None:
        delivery.unsubscribe_time = tx.now
        tx.update(delivery, "unsubscribed")
        _count(tx, row["container"], Counter(unsubscribed=1))
        keep_withdrawal(tx, row["contact"], row["purpose"])
    return delivery


def _changes_of(note_: Note) -> Iterator[Row]:
    for id_, outcome in note_.told.items():
        yield _change(_attempted(id_), outcome=outcome.row())
    if note_.begun is not None:
        id_, attempt = note_.begun
        yield _change({**_waiting(id_), "attempt": None}, attempt=attempt)


def _has_begun(note_: Note) -> bool:
    if note_.begun is None:
        return True
    id_, attempt = note_.begun
    row = Delivery.rows().find_one({"_id": id_}, {"attempt": 1})
    return row is not None and row.get("attempt") == attempt


def _updated(changes: Sequence[Row]) -> int:
    """Make the changes by one command, and give how many rows they found.

    It is what a bulk write does, at half the cost: each mail waits for one.
    """
    done = database().command({"update": Delivery.rows().name, "updates": changes})
    if done.get("writeErrors") or done.get("writeConcernError"):
        raise WriteError("a note was not taken", details=dict(done))
    found: int = done["n"]
    return found


def _change(condition: Row, **fields: Any) -> Row:
    return {"q": condition, "u": {"$set": fields}}


def _waiting(id_: str) -> Row:
    return {"_id": id_, "state": PENDING}


def _attempted(id_: str) -> Row:
    return {**_waiting(id_), "attempt.token": {"$exists": True}}


def _planned(tx: Transaction, campaign: Row, id_: str, contact: str) -> Row:
    return {
        "_id": id_,
        "container": f"{Campaign.collection()}/{campaign['_id']}",
        "contact": contact,
        "state": PENDING,
        "purpose": campaign["purpose"],
        "campaign_display_name": campaign["display_name"],
        "ready": tx.now,
    }


def _settle_rows(tx: Transaction, rows: Sequence[Row], told: Mapping[str, Outcome]) -> Counter[str]:
    by_state: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    later: list[UpdateOne] = []
    cancelled = _cancelled(tx, {row["container"] for row in rows if _waits(told[row["_id"]])})
    for row in rows:
        outcome = told[row["_id"]]
        if _waits(outcome) and row["container"] in cancelled:
            outcome = Outcome(SUPPRESSED, "CANCELLED")
        tries = row.get("tries", 0) + outcome.was_tried
        if _waits(outcome) and tries < MOST_TRIES:
            later.append(_later(tx, row, tries, outcome))
            continue
        state = FAILED if _waits(outcome) else outcome.state
        by_state[state].append((row, settled_row(row, _ended(outcome, state))))
        counts[row["container"]][state.lower()] += 1
    for state, changes in by_state.items():
        update_rows(tx, Delivery, changes, WORDS[state])
    if later:
        Delivery.rows().bulk_write(later, ordered=False, session=tx.session)
    for campaign, counted in counts.items():
        _count(tx, campaign, counted)
    return Counter({state: len(changes) for state, changes in by_state.items()})


def _waits(outcome: Outcome) -> bool:
    """Whether nothing was accepted: it is offered again, as long as anybody wants that."""
    return outcome.state == LATER


def _cancelled(tx: Transaction, campaigns: Iterable[str]) -> set[str]:
    """Those of the campaigns that were cancelled; all are held, so that no other is meanwhile.

    Whoever cancels lets go of what no attempt has begun of: what comes back later is let go here.
    """
    names = tx.hold(Campaign, sorted(campaigns))
    wanted = {"_id": {"$in": list(map(id_of, names))}, "state": CANCELLED}
    found = Campaign.rows().find(wanted, {"_id": 1}, session=tx.session)
    return {f"{Campaign.collection()}/{row['_id']}" for row in found}


def _ended(outcome: Outcome, state: str) -> Outcome:
    return Outcome(state, outcome.reason, outcome.address, outcome.time)


def _later(tx: Transaction, row: Row, tries: int, outcome: Outcome) -> UpdateOne:
    pause = pause_after(tries) if outcome.was_tried else UNASKED_PAUSE
    change = {
        "$set": {"ready": tx.now + pause, "tries": tries},
        "$unset": {"attempt": "", "outcome": ""},
    }
    return UpdateOne({"_id": row["_id"], "version": row["version"]}, change)


def _count(tx: Transaction, campaign: str, counts: Counter[str]) -> None:
    """Count what happened in the campaign's figures, beside its version."""
    more = {f"stats.{name}": number for name, number in counts.items()}
    key = {"_id": id_of(campaign)}
    Campaign.rows().update_one(key, {"$inc": more}, session=tx.session)


def _ids(rows: Sequence[Row]) -> list[str]:
    return [row["_id"] for row in rows]
