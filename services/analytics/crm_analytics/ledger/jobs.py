"""What the ledger does by itself: every minute it looks at the minutes that have settled."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from crm_analytics.ledger.asking import Sources
from crm_analytics.ledger.commands import (
    claim_watch,
    keep_minutes,
    keep_until,
    release_watch,
    renew_watch,
)
from crm_analytics.ledger.queries import minutes_due, reconcile_minutes, watched_until
from crm_analytics.ledger.rules import Span, next_span, spans_of
from crm_analytics.metrics import tell_of_sources
from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.kernel.errors import Refusal
from crm_chassis.telemetry.context import call_scope, own_call
from crm_chassis.telemetry.logging import logger

SERVICE = "analytics"
PAUSE = timedelta(minutes=1)
# How long one look may take, whoever is silent.
PATIENCE = 40.0
# How many spans of minutes are looked at again in one look.
SPANS_AGAIN = 8
log = logger(__name__)


class Watch:
    """Looks at one source's minutes after the other's, as the only one in the whole suite.

    Network and database do not go together in a transaction: a look asks first, then stores its
    rows, and last how far it came. One that dies in between is repeated, and stores the same.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._claim = ""

    def look(self) -> bool:
        """Look at what has settled, when that is due; tells whether it was."""
        claim = self._claim = claim_watch()
        if not claim:
            return False
        try:
            call = own_call(SERVICE, "ledger/watch")
            with call_scope(replace(call, deadline=time.monotonic() + PATIENCE)):
                names = self._sources.names()
                tell_of_sources(names)
                behind = self._sources.each(names, partial(self._look_at, claim, watched_until()))
            release_watch(claim, timedelta() if any(behind.values()) else PAUSE)
        finally:
            self._claim = ""
        return True

    def renew(self) -> bool:
        """Keep being the one who looks, while this one does; tells whether it still is."""
        claim = self._claim
        return renew_watch(claim) if claim else True

    def close(self) -> None:
        """Nothing is held between two looks."""

    def _look_at(
        self, claim: str, watched: tuple[datetime, Mapping[str, datetime]], source: str
    ) -> bool:
        """Look at a source; tells whether more of its minutes wait to be looked at."""
        first, until = watched
        span = next_span(until.get(source, first), now())
        try:
            for again in [*spans_of(minutes_due(source))][:SPANS_AGAIN]:
                self._reconcile(claim, source, again)
            if span.end > span.start:
                self._reconcile(claim, source, span)
                keep_until(claim, source, span.end)
        except Refusal as refusal:
            log.warning("source not asked", target=source, reason=refusal.reason)
            return False
        following = next_span(span.end, now())
        return following.end > following.start

    def _reconcile(self, claim: str, source: str, span: Span) -> None:
        balances = reconcile_minutes(source, span, self._sources.told(source, span))
        keep_minutes(claim, source, span, balances)
        missing = sum(balance.difference for balance in balances.values())
        if missing:
            log.warning("events missing", target=source, time=rfc3339(span.start), count=missing)
