"""What deliveries do at length: one sender in the whole suite hands them over, round by round."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.campaigns.queries import campaign_to_carry_on, is_sending
from crm_campaigns.campaigns.rules import SENDING, template_of
from crm_campaigns.deliveries.commands import (
    conclude,
    plan_deliveries,
    put_off,
    settle,
    settle_round,
)
from crm_campaigns.deliveries.handing_over import Hands, Links, Round, tasks_of
from crm_campaigns.deliveries.queries import attempted_deliveries, due_deliveries, signing_key
from crm_campaigns.deliveries.rules import LATER, LOST, SUPPRESSED, Outcome
from crm_campaigns.mail.rules import Letter
from crm_campaigns.mail.smtp import Server
from crm_campaigns.metrics import DELIVERIES
from crm_campaigns.recipients.asking import Owner
from crm_campaigns.recipients.queries import find_recipients
from crm_campaigns.recipients.rules import Recipient
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Unavailable
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import leases
from crm_chassis.mongo.leases import Lease
from crm_chassis.resources.transaction import as_call
from crm_chassis.resources.translate import json_from_row, name_of
from crm_chassis.telemetry.context import Call, own_call, service_principal
from crm_chassis.telemetry.logging import logger
from crm_chassis.working.duties import pause_after_failures

SERVICE = "campaigns"
# Whoever holds this hands mails over, and nobody else: so there are four at once over all.
LEASE = "sending"
# So many deliveries are looked at together, and settled in one transaction.
TOGETHER = 200
PAUSE_AFTER_ERROR = timedelta(seconds=5)
Row = dict[str, Any]
log = logger(__name__)


class Sender:
    """Hands over the mails of all campaigns, as the only one that does."""

    def __init__(self, server: Server, public_url: str, owner: Owner) -> None:
        self._hands = Hands(server)
        self._owner, self._public_url = owner, public_url
        self._holder = leases.this_process()
        self._lease: Lease | None = None
        self._settling = _Settling()
        # What is known of attempts although it could not be stored yet, and whether some may be
        # left that nobody is at.
        self._told: dict[str, Outcome] = {}
        self._is_clean = False
        self._failures = 0

    def carry_on(self) -> bool:
        """Hand over some mails of the campaign that waits the longest; tells whether one did."""
        lease = self._held()
        if lease is None:
            return False
        try:
            return self._carry_on_one(lease)
        except Exception:
            self._is_clean = False
            raise

    def wait(self) -> None:
        """Wait until all that was handed over is settled."""
        self._settling.wait()

    def renew(self) -> bool:
        """Keep being the sender, if this is it; tells whether it still is."""
        lease = self._lease
        if lease is None:
            return True
        self._lease = next(iter(leases.renew([lease], self._holder)), None)
        return self._lease is not None

    def close(self) -> None:
        """Let another be the sender at once."""
        self._settling.close()
        self._hands.close()
        if self._lease is not None:
            self._lease = None
            leases.release([LEASE], self._holder)

    def _held(self) -> Lease | None:
        if self._lease is None or not self._lease.is_held:
            self._told.clear()
            self._is_clean = False
            self._lease = next(iter(leases.take([LEASE], self._holder)), None)
        return self._lease

    def _settle_left(self) -> None:
        """Settle attempts that an earlier round began: nobody is at them any more.

        What became of one is known here, or was noted beside it; of the others nobody can tell
        whether the mail went.
        """
        self._settling.wait()
        while rows := attempted_deliveries(TOGETHER):
            told = {row["_id"]: self._told.get(row["_id"]) or _noted(row) for row in rows}
            _count(as_call(own_call(SERVICE, "sender/left"), settle, told))
        self._told.clear()
        self._is_clean = True

    def _carry_on_one(self, lease: Lease) -> bool:
        if not self._is_clean:
            self._settle_left()
        row = campaign_to_carry_on()
        if row is None:
            self._settling.wait()
            self._hands.rest()
            return False
        try:
            self._look_at(row, lease)
        except Exception:
            # Whatever it is, the other campaigns have their turn before it is tried again.
            as_call(_call(row), put_off, _name(row), now() + PAUSE_AFTER_ERROR)
            raise
        return True

    def _look_at(self, row: Row, lease: Lease) -> None:
        if row["state"] == SENDING:
            self._send_some(row, lease)
        else:
            self._conclude(row)

    def _send_some(self, row: Row, lease: Lease) -> None:
        settling = self._settling.ids
        due = due_deliveries(_name(row), TOGETHER + len(settling))
        rows = [each for each in due if each["_id"] not in settling]
        if not rows:
            self._conclude(row)
            return
        told = self._suppressed(rows, recipients := self._recipients(rows, row["purpose"]))
        tasks = tasks_of(rows, recipients)
        round_ = Round(
            letter=_letter(row),
            links=Links(self._public_url, signing_key()),
            turn=lease.token,
            goes_on=partial(self._goes_on, row["_id"], lease),
            tasks=iter(tasks),
        )
        try:
            self._hands.work(round_, len(tasks))
        finally:
            self._told |= round_.told
        told |= round_.told
        pause = self._pause(is_away=round_.is_server_away)
        self._settling.begin(frozenset(told), partial(self._store, row, told, pause))
        if round_.is_server_away:
            self._settling.wait()

    def _recipients(self, rows: Sequence[Row], purpose: str) -> dict[str, Recipient]:
        """What is known of the recipients; whom something stands against their owner is asked for.

        Those of whom the owner could not be asked are left out.
        """
        found = find_recipients([row["contact"] for row in rows], purpose)
        doubtful = [name for name, recipient in found.items() if recipient.obstacle]
        if not doubtful:
            return found
        try:
            return found | dict(self._owner.ask(doubtful, purpose))
        except Unavailable as away:
            log.warning("contacts not asked", count=len(doubtful), exc_info=away)
            return {name: one for name, one in found.items() if not one.obstacle}

    def _suppressed(
        self, rows: Sequence[Row], recipients: Mapping[str, Recipient]
    ) -> dict[str, Outcome]:
        told: dict[str, Outcome] = {}
        for row in rows:
            recipient = recipients.get(row["contact"])
            if recipient is None:
                told[row["_id"]] = Outcome(LATER, was_tried=False)
            elif recipient.obstacle:
                told[row["_id"]] = Outcome(SUPPRESSED, recipient.obstacle, recipient.address)
        return told

    def _store(self, row: Row, told: Mapping[str, Outcome], pause: timedelta) -> None:
        """Settle a round, and let the other campaigns have their turn."""
        _count(as_call(_call(row), settle_round, told, _name(row), pause))
        for id_ in told:
            self._told.pop(id_, None)

    def _conclude(self, row: Row) -> None:
        """Look whether a campaign has ended; where recipients are still missing, make some."""
        self._settling.wait()
        if row["state"] == SENDING and not row.get("planned"):
            as_call(_call(row), plan_deliveries, _name(row))
        else:
            as_call(_call(row), conclude, _name(row))

    def _goes_on(self, campaign_id: str, lease: Lease) -> bool:
        held = self._lease
        is_ours = held is not None and held.token == lease.token and held.is_held
        return is_ours and is_sending(campaign_id)

    def _pause(self, *, is_away: bool) -> timedelta:
        """How long a campaign waits for its next turn: longer each time that the server is away."""
        self._failures = self._failures + 1 if is_away else 0
        if not is_away:
            return timedelta()
        log.warning("mail server away", failures=self._failures)
        return pause_after_failures(self._failures)


class _Settling:
    """Stores what became of a round in a thread of its own, while the next round goes on.

    One at a time: `ids` are the deliveries that it is at, which are not to be looked at meanwhile.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "settling")
        self._pending: Future[None] | None = None
        self.ids: frozenset[str] = frozenset()

    def begin(self, ids: frozenset[str], store: Callable[[], None]) -> None:
        """Store this round once the one before is stored."""
        self.wait()
        self.ids, self._pending = ids, self._pool.submit(store)

    def wait(self) -> None:
        """Wait for the end of it, and raise what it raised."""
        pending, self._pending = self._pending, None
        try:
            if pending is not None:
                pending.result()
        finally:
            self.ids = frozenset()

    def close(self) -> None:
        """Have no thread any more, once all is stored."""
        self._pool.shutdown()


def _count(counts: Mapping[str, int]) -> None:
    for state, count in counts.items():
        DELIVERIES.labels(state).inc(count)


def _name(row: Row) -> str:
    return name_of(row, Campaign.collection())


def _noted(row: Row) -> Outcome:
    address = row["attempt"]["address"]
    if "outcome" in row:
        return Outcome.of_row(row["outcome"], address)
    return Outcome(LOST.state, LOST.reason, address)


def _letter(row: Row) -> Letter:
    campaign = json_from_row(Campaign, row)
    return Letter(
        template_of(row["subject"]), template_of(row["body"]), row["from_address"], campaign
    )


def _call(row: Row) -> Call:
    """The service's own work, caused by whoever sent the campaign."""
    request = new_id()
    cause: Mapping[str, str] = row.get("cause") or {}
    return Call(
        service_principal(SERVICE),
        request_id=request,
        method="sender/round",
        correlation_id=cause.get("correlation_id") or request,
        causation_id=cause.get("causation_id") or request,
        traceparent=cause.get("traceparent", ""),
    )
