"""Decides from the answers what is wrong: the same conditions as the alerts, as they stand now."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from crm_gateway.ops.questions import JOB, Answer, Answers
from crm_gateway.ops.seen import Seen

Severity = Literal["page", "ticket"]

# In seconds: what an event, a subscription, a timer and the ledger may take.
OUTBOX_AGE = 120.0
PROGRESS_AGE = 300.0
TIMER_AGE = 60.0
LEDGER_AGE = 1800.0
DAY = 86_400.0
# Of the dead letters of a queue, and of the reactions that are tried again.
MANY_DEAD = 100
MANY_RETRIES = 0.05
OPEN = 2
# What is promised to users (deploy/observability/slo.yaml), marked where it is not so just now.
MOST_FAULTS = 0.001
READ_SECONDS = 0.3
VIEW_SECONDS = 0.8
FULL_VIEWS = 0.99
FRESH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is wrong.

    `runbook` names what kind of thing it is, `subject` what it is about; `since` is when it began
    (in seconds since 1970), None where the figures do not tell.
    """

    runbook: str
    subject: str
    severity: Severity
    summary: str
    since: float | None = None


Conditions = Iterator[Condition]


def conditions(seen: Seen) -> list[Condition]:
    """All that one look shows to be wrong, the gravest first."""
    found = [one for rule in _RULES for one in rule(seen.answers, seen.at)]
    found += _processes(seen)
    return sorted(found, key=lambda one: one.severity != "page")


def _outbox(answers: Answers, at: float) -> Conditions:
    for (service,), age in _of(answers, "oldest"):
        if age > OUTBOX_AGE:
            waiting = answers.get("pending", {}).get((service,))
            many = f"{waiting:.0f} events wait" if waiting is not None else "Events wait"
            words = f"{many} in {service} to be published, the oldest for {spell(age)}"
            yield Condition("outbox-stuck", service, "page", words, at - age)


def _broker(answers: Answers, at: float) -> Conditions:
    for (service,), is_blocked in _of(answers, "broker_blocked"):
        if is_blocked:
            words = f"The broker takes nothing from {service}: it lacks memory or disk"
            yield Condition("broker-alarm", service, "page", words)


def _refused(answers: Answers, at: float) -> Conditions:
    for (service, reason), rate in _of(answers, "failures"):
        if reason == "returned" and rate > 0:
            words = f"No queue takes some events of {service}: the broker gives them back"
            yield Condition("unroutable-publish", service, "page", words)
    for (service,), count in _of(answers, "blocked"):
        if count > 0:
            words = f"{count:.0f} resources of {service} wait because the broker refused an event"
            yield Condition("resources-blocked", service, "ticket", words)


def _dead_letters(answers: Answers, at: float) -> Conditions:
    for (queue,), count in _of(answers, "dead"):
        if count <= 0:
            continue
        age = answers.get("dead_age", {}).get((queue,), 0.0)
        is_pile = count > MANY_DEAD or age > DAY
        words = f"{count:.0f} dead letters of {queue} wait, the oldest for {spell(age)}"
        kind: tuple[str, Severity] = (
            ("dead-letters-piling", "page") if is_pile else ("dead-letters-waiting", "ticket")
        )
        yield Condition(kind[0], queue, kind[1], words, at - age)


def _consumers(answers: Answers, at: float) -> Conditions:
    for (consumer,), last in _of(answers, "progress"):
        if 0 < last < at - PROGRESS_AGE:
            words = f"{consumer} has not got on for {spell(at - last)}"
            yield Condition("consumer-stalled", consumer, "page", words, last)
    handled = answers.get("handled", {})
    for consumer in sorted({consumer for consumer, _ in handled}):
        total = sum(rate for (name, _), rate in handled.items() if name == consumer)
        again = handled.get((consumer, "retry"), 0.0)
        if total > 0 and again / total > MANY_RETRIES:
            words = f"{again / total:.0%} of what {consumer} takes fails and is tried again"
            yield Condition("retries-high", consumer, "ticket", words)


def _processes(seen: Seen) -> Conditions:
    for (job, process, instance), is_up in _of(seen.answers, "up"):
        if not is_up:
            name = f"{job.removeprefix(JOB)}/{process}" if job and process else ""
            words = f"{name or 'The process'} does not answer at {instance}"
            last = seen.last_up.get((job, process, instance))
            yield Condition("target-absent", name or instance, "ticket", words, last)


def _dependencies(answers: Answers, at: float) -> Conditions:
    lacking: dict[str, list[str]] = {}
    for (dependency, job, process, instance), is_up in _of(answers, "dependencies"):
        if not is_up:
            who = f"{job.removeprefix(JOB)}/{process}" if job and process else instance
            lacking.setdefault(dependency, []).append(who)
    for dependency, askers in lacking.items():
        words = f"{dependency} is not there for {named(askers)}"
        yield Condition("dependency-down", dependency, "ticket", words)
    for (target, job, _), state in _of(answers, "breakers"):
        if state == OPEN:
            asker = job.removeprefix(JOB) or "a process"
            words = f"{asker} asks {target} no more until it answers again: its breaker is open"
            yield Condition("breaker-open", target, "ticket", words)


def _ledger(answers: Answers, at: float) -> Conditions:
    for (source,), count in _of(answers, "ledger_missing"):
        if count > 0:
            words = f"{count:.0f} events of {source} were accepted in the last day and are missing"
            yield Condition("ledger-missing", source, "page", words)
    for (source,), checked in _of(answers, "ledger_checked"):
        if at - checked > LEDGER_AGE:
            words = f"The ledger of {source} is checked up to {spell(at - checked)} ago only"
            yield Condition("ledger-stale", source, "ticket", words, checked)


def _business(answers: Answers, at: float) -> Conditions:
    for (service,), age in _of(answers, "timers"):
        if age > TIMER_AGE:
            words = f"A timer of {service} is late by {spell(age)}"
            yield Condition("timers-late", service, "ticket", words, at - age)
    for (target,), count in _of(answers, "breached"):
        if count > 0:
            words = f"{count:.0f} open cases are past their target for {target}"
            yield Condition("case-targets-breached", target, "ticket", words)
    for (state,), count in _of(answers, "deliveries"):
        if state == "UNKNOWN" and count > 0:
            words = f"Of {count:.0f} mails nobody can tell whether they went"
            yield Condition("deliveries-unknown", "campaigns", "ticket", words)


_RULES: tuple[Callable[[Answers, float], Conditions], ...] = (
    _ledger,
    _outbox,
    _broker,
    _refused,
    _dead_letters,
    _dependencies,
    _consumers,
    _business,
)


def spell(seconds: float) -> str:
    """A length of time in its two largest units: `3 min 12 s`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    for place, (unit, size) in enumerate(units):
        if whole >= size:
            first, rest = divmod(whole, size)
            if place + 1 < len(units) and (second := rest // units[place + 1][1]):
                return f"{first} {unit} {second} {units[place + 1][0]}"
            return f"{first} {unit}"
    return "0 s"


def _of(answers: Answers, name: str) -> list[tuple[tuple[str, ...], float]]:
    """What is known of a question, in a lasting order."""
    known: Answer = answers.get(name, {})
    return sorted(known.items())


def named(names: list[str]) -> str:
    """Some names in a sentence: three at the most."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more} more" if more > 0 else "")
