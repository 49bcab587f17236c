"""What the stack takes while nobody asks anything of it."""

import os
import time
from pathlib import Path

from bench.stack import BenchStack

SECONDS = 10.0


def memory_of(stack: BenchStack, process: str) -> float:
    """The proportional set size of a process with those it watches over, in MiB."""
    pids = _family(_watcher(stack.suite.pids[process]))
    return sum(_pss(pid) for pid in pids) / 1024


def cpu_percent(stack: BenchStack) -> float:
    """The CPU time of every process of the stack in 10 s, in per cent of one core."""
    before = _cpu_seconds(stack)
    time.sleep(SECONDS)
    return (_cpu_seconds(stack) - before) / SECONDS * 100


def _cpu_seconds(stack: BenchStack) -> float:
    roots = map(_watcher, stack.suite.pids.values())
    pids = {each for pid in roots for each in _family(pid)}
    return sum(_ticks(pid) for pid in pids) / os.sysconf("SC_CLK_TCK")


def _watcher(pid: int) -> int:
    """The process that watches over this one, where one of the same program does; else itself."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    parent = int(stat[1])
    same = Path(f"/proc/{parent}/cmdline").read_bytes() == Path(f"/proc/{pid}/cmdline").read_bytes()
    return parent if same else pid


def _family(pid: int) -> list[int]:
    """A process and those that it started."""
    family = [pid]
    for parent in family:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
        family.extend(map(int, children.split()))
    return family


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
