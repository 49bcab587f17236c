"""Takes every measure on a stack of its own; prints the table and writes it to bench/results."""

import argparse
import json
import os
import platform
import shutil
import tempfile
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from bench import telemetry, whole
from bench.measure import RUNS, Measure, take
from bench.measures import Bench, measures
from bench.stack import ROOT, BenchStack, free_port
from bench.yardsticks.serving import bare_gateway

RESULTS = ROOT / "bench" / "results" / "latest.json"


def main() -> None:
    """Measure all, or those whose name contains what the command line says."""
    asked = argparse.ArgumentParser(prog="bench", description=__doc__)
    asked.add_argument("only", nargs="?", default="", help="measures whose name contains this")
    only = asked.parse_args().only
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    stack = BenchStack(folder / "run", free_port())
    try:
        lines = _measure(stack, only)
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)
    if not only:
        told = {"machine": _machine(), "measures": lines}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def _measure(stack: BenchStack, only: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    with ExitStack() as opened:
        stack.up()
        ups = _ups(stack) if only in "make up" else []
        one, two, five = (opened.enter_context(bare_gateway(count)) for count in (1, 2, 5))
        lines_of_table = chain(measures(Bench(stack, one, two), ups), whole.measures(stack, five))
        lines += [_taken(measure) for measure in lines_of_table if only in measure.name]
    if only in telemetry.NAME:
        lines += map(_taken, telemetry.measures(stack.folder.parent))
    return lines


def _taken(measure: Measure) -> dict[str, Any]:
    line = take(measure, full=os.environ.get("FULL") == "1")
    _show(line)
    return line


def _ups(stack: BenchStack) -> list[float]:
    seconds = []
    for _ in range(RUNS):
        stack.down()
        seconds.append(stack.up())
    return seconds


def _show(line: dict[str, Any]) -> None:
    ratio = (
        ""
        if line["ratio"] is None
        else f"ratio {line['ratio']:.2f} of {line['yardstick']['value']:,.0f}"
    )
    wanted = "" if line["atLeast"] is None else f"at least {line['atLeast']}"
    verdict = {None: "", True: "ok", False: "SHORT"}[line["ok"]]
    value = f"{line['value']:,.1f} {line['unit']}"
    print(
        f"{line['measure']:52} {value:>22}  {ratio:32} {wanted:14} {verdict}".rstrip(), flush=True
    )


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memoryGiB": round(memory),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
