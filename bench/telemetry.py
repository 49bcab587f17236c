"""What metrics and traces cost a request: in the same processes, with both and without in turns."""

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Target, rate
from bench.measure import Measure
from bench.stack import BenchStack, free_port
from crm_chassis.testing.otlp import collector

NAME = "CPU of a read with metrics and traces"
# Two starts of one process differ by more than what is measured, and so do two minutes of a
# machine: many short turns of the same processes, one beside the other.
TURNS, SECONDS = 32, 1.0
# One trace of a hundred, as operators are advised to.
SAMPLED = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
ASKED = ("gateway/api", "contacts/api")
# A process's own clock, as clock_getcpuclockid(3) makes its number: /proc tells hundredths only.
CPU_CLOCK = 2


def measures(folder: Path) -> Iterator[Measure]:
    """The table's line; the stack is there while it is taken."""
    switch = folder / "unmeasured"
    with ExitStack() as opened:
        collecting = opened.enter_context(collector())
        told = {
            **collecting.variables,
            **SAMPLED,
            "OTEL_BSP_SCHEDULE_DELAY": "5000",
            "PYTHONPATH": str(Path(__file__).with_name("unmeasured")),
            "CRM_BENCH_SWITCH": str(switch),
        }
        stack = opened.enter_context(_running(folder / "telemetry", told))
        turns = _Turns(stack, switch)
        yield Measure(
            NAME,
            "ms",
            turns.take,
            "the same without",
            turns.of_without,
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


@dataclass
class _Turns:
    """Reads with both and without by turns; the CPU of the processes that answer one of them."""

    stack: BenchStack
    switch: Path
    _without: list[float] = field(default_factory=list)

    def take(self) -> float:
        """Milliseconds of a read with both, the mean of the turns."""
        target = Target(self.stack.suite.env["CRM_URL"], self.stack.suite.env["CRM_API_KEY"])
        made = self.stack.suite.client().post("/v1/contacts", {"givenName": "Read"}).ok()["name"]
        request = target.request("GET", f"/v1/{made}")
        measured, self._without = [], []
        for number in range(TURNS):
            # Whoever always came second would have the warmer caches.
            for is_without in (number % 2 == 0, number % 2 == 1):
                self._turn_off(is_without)
                took = self._turn(target, request)
                (self._without if is_without else measured).append(took)
        self._turn_off(False)
        return statistics.fmean(measured)

    def of_without(self) -> float:
        """The same of the turns in between, without."""
        return statistics.fmean(self._without)

    def _turn_off(self, is_off: bool) -> None:
        if is_off:
            self.switch.touch()
        else:
            self.switch.unlink(missing_ok=True)

    def _turn(self, target: Target, request: bytes) -> float:
        rate(target, lambda _: request, 0.3)
        before = _cpu_seconds(self.stack)
        answers = rate(target, lambda _: request, SECONDS) * SECONDS
        return 1000 * (_cpu_seconds(self.stack) - before) / answers


def _cpu_seconds(stack: BenchStack) -> float:
    pids = stack.suite.pids
    return sum(time.clock_gettime(~pids[process] << 3 | CPU_CLOCK) for process in ASKED)
