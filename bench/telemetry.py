"""What metrics and traces cost a request: the same suite twice, with both and without."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.load import Target, rate
from bench.measure import Measure
from bench.stack import BenchStack, free_port
from crm_chassis.testing.otlp import collector

NAME = "CPU of a read with metrics and traces"
SECONDS = 4.0
# One trace of a hundred, as operators are advised to.
SAMPLED = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
UNMEASURED = {"PYTHONPATH": str(Path(__file__).with_name("unmeasured"))}
ASKED = ("gateway/api", "contacts/api")
TICK = os.sysconf("SC_CLK_TCK")


def measures(folder: Path) -> Iterator[Measure]:
    """The table's line; the two stacks are there while it is taken."""
    with ExitStack() as opened:
        collecting = opened.enter_context(collector())
        told = {**collecting.variables, "OTEL_BSP_SCHEDULE_DELAY": "5000", **SAMPLED}
        with_both = opened.enter_context(_running(folder / "with", told))
        without = opened.enter_context(_running(folder / "without", UNMEASURED))
        yield Measure(
            NAME,
            "ms",
            lambda: _cpu_of_a_read(with_both),
            "the same without",
            lambda: _cpu_of_a_read(without),
            at_least=1.03,
            aim=1.01,
            lower_is_better=True,
        )


@contextmanager
def _running(folder: Path, variables: dict[str, str]) -> Iterator[BenchStack]:
    stack = BenchStack(folder, free_port(), variables)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def _cpu_of_a_read(stack: BenchStack) -> float:
    """Milliseconds of the processes that answer it, of one of many."""
    target = Target(stack.suite.env["CRM_URL"], stack.suite.env["CRM_API_KEY"])
    made = stack.suite.client().post("/v1/contacts", {"givenName": "Read"}).ok()["name"]
    request = target.request("GET", f"/v1/{made}")
    rate(target, lambda _: request, 0.5)
    before = _cpu_seconds(stack)
    answers = rate(target, lambda _: request, SECONDS) * SECONDS
    return 1000 * (_cpu_seconds(stack) - before) / answers


def _cpu_seconds(stack: BenchStack) -> float:
    pids = stack.suite.pids
    seconds = 0.0
    for process in ASKED:
        fields = Path(f"/proc/{pids[process]}/stat").read_text(encoding="ascii").rpartition(")")[2]
        user, system = fields.split()[11:13]
        seconds += (int(user) + int(system)) / TICK
    return seconds
