"""The sections of the customer view: who owns each, and how they stand in the answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crm.api.v1 import customers_pb2

from crm_chassis.kernel.errors import Refusal
from crm_chassis.rpc.hops import NotTried
from crm_gateway.transcoding.codec.well_known import encode_instant
from crm_gateway.transcoding.faults import Fault, Malformed
from crm_gateway.views.asking import missing_reason

OWNERS: Mapping[str, str] = {
    "profile": "contacts",
    "relationships": "contacts",
    "consents": "contacts",
    "interactions": "contacts",
    "deals": "sales",
    "cases": "service-desk",
    "campaigns": "campaigns",
    "insights": "analytics",
    "timeline": "analytics",
}
# Who rebuilds from the journal what the owner does not tell, and of which sections.
REBUILDER = "analytics"
REBUILT = frozenset({"deals", "cases", "campaigns"})
DENIED, UNAVAILABLE = "DENIED", "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Shown:
    """A section as the view shows it: data as JSON, and why they are old or not there."""

    data: bytes = b""
    as_of: str = ""
    reason: str = ""
    because: str = ""

    @property
    def outcome(self) -> str:
        """The word for how it came out."""
        if not self.reason:
            return "ok"
        return "degraded" if self.data else "omitted"

    def json(self) -> bytes:
        """The section in the answer. What the owner gave is put in as it stands."""
        status, reason, as_of = self.outcome.encode(), self.reason.encode(), self.as_of.encode()
        if not reason:
            return b'{"status":"ok","asOf":"%b","data":%b}' % (as_of, self.data)
        if not self.data:
            return b'{"status":"%b","reason":"%b"}' % (status, reason)
        told = (status, reason, as_of, self.data)
        return b'{"status":"%b","reason":"%b","asOf":"%b","data":%b}' % told

    def rebuilt(self, known: "Shown") -> "Shown":
        """The section as it was last known; as it is when that is not told either."""
        return replace(self, data=known.data, as_of=known.as_of) if known.data else self


MISSING = Shown(reason=UNAVAILABLE, because="unavailable")


def wanted_sections(asked: Sequence[str], services: Iterable[str]) -> list[str]:
    """The sections to show: those asked for, else all whose owner is there.

    Raises:
        Malformed: one that was asked for does not exist.
    """
    if not asked:
        there = frozenset(services)
        return [name for name, owner in OWNERS.items() if owner in there]
    names = dict.fromkeys(name.strip() for text in asked for name in text.split(","))
    unknown = [
        Fault("sections", "query", "UNKNOWN_SECTION", f"there is no section {name[:40]!r}")
        for name in names
        if name not in OWNERS
    ]
    if unknown:
        raise Malformed(unknown)
    return list(names)


def owned_by(service: str, names: Iterable[str]) -> list[str]:
    """Those of the sections that the service owns."""
    return [name for name in names if OWNERS[name] == service]


def given(response: Any, names: Iterable[str], moment: str) -> Iterator[tuple[str, Shown]]:
    """The sections that an owner's answer has. `moment` is the view's: what is empty is so then."""
    sections: Mapping[str, customers_pb2.Section] = response.sections
    for name in names:
        yield name, _shown(sections[name], moment) if name in sections else MISSING


def rebuildable(sections: Mapping[str, Shown], services: Iterable[str]) -> list[str]:
    """Those that are missing and not denied, whose owner exists, and the journal can tell of."""
    there = frozenset(services)
    if REBUILDER not in there:
        return []
    return [
        name
        for name, section in sections.items()
        if name in REBUILT and OWNERS[name] in there and section.reason not in ("", DENIED)
    ]


def missed(refusal: Refusal) -> Shown:
    """A section whose owner gave no answer."""
    reason = missing_reason(refusal)
    is_open = isinstance(refusal.__cause__, NotTried)
    return Shown(reason=reason, because="breaker" if is_open else reason.lower())


def _shown(section: customers_pb2.Section, moment: str) -> Shown:
    if section.omitted:
        return Shown(reason=section.omitted, because=section.omitted.lower())
    as_of = encode_instant(section.as_of) if section.HasField("as_of") else moment
    return Shown(section.data or b"{}", as_of)
