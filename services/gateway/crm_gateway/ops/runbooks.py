"""What there is to do about each thing that may be wrong: a command, and a page that tells more."""

from collections.abc import Mapping

from crm_gateway.ops.questions import JOB

# The first thing to do. `{subject}` is what it is about, `{service}` whose that is.
_RELAY = "make logs S={service} P=relay"
_API = "make logs S={service} P=api"
_GATEWAY = "make logs S=gateway P=api"
_CONSUMER = "make logs S={service} P=consumer"
ACTIONS: Mapping[str, str] = {
    "outbox-stuck": _RELAY,
    "unroutable-publish": _RELAY,
    "resources-blocked": _RELAY,
    "dead-letters-waiting": "crmctl dlq list --queue {subject}",
    "dead-letters-piling": "crmctl dlq list --queue {subject}",
    "retries-high": _CONSUMER,
    "consumer-absent": _CONSUMER,
    "consumer-stalled": _CONSUMER,
    "broker-alarm": "make logs S=rabbitmq",
    "dependency-down": "make status",
    "breaker-open": "make status",
    "target-absent": "make status",
    "ledger-missing": "crmctl ledger",
    "ledger-stale": "make logs S=analytics P=worker",
    "timers-late": "make logs S={service} P=worker",
    "case-targets-breached": "make logs S=service-desk P=worker",
    "deliveries-unknown": "make logs S=campaigns P=worker",
    "gateway-down": _GATEWAY,
    "gateway-availability-burn": _GATEWAY,
    "read-latency-burn": _GATEWAY,
    "view-latency-burn": _GATEWAY,
    "view-completeness-burn": "make status",
    "service-availability-burn": _API,
    "event-freshness-burn": _CONSUMER,
    "sli-absent": "make status",
    "requests-shed": _API,
    "deadline-missing": _API,
    "auth-failures-high": "crmctl keys list",
    "memory-growing": "make status",
}
# The same where nobody says what it is about.
_IN_GENERAL = {name: "make status" for name, command in ACTIONS.items() if "{" in command} | {
    "dead-letters-waiting": "crmctl dlq list",
    "dead-letters-piling": "crmctl dlq list",
}
_ANYTHING = "make status"
FOLDER = "docs/runbooks"


def path_of(name: str) -> str:
    """Where a runbook is in the project."""
    return f"{FOLDER}/{name}.md"


def name_of(address: str) -> str:
    """The runbook that an alert's address leads to: `.../docs/runbooks/outbox-stuck.md#impact`."""
    return address.partition("#")[0].rpartition("/")[2].removesuffix(".md")


def action_for(name: str, subject: str) -> str:
    """The command to begin with."""
    if not subject and name in _IN_GENERAL:
        return _IN_GENERAL[name]
    return ACTIONS.get(name, _ANYTHING).format(subject=subject, service=service_of(subject))


def service_of(subject: str) -> str:
    """Whose it is: `service-desk` of `service_desk.contacts-changed` and of `crm-service-desk`."""
    return subject.removeprefix(JOB).partition(".")[0].partition("/")[0].replace("_", "-")
