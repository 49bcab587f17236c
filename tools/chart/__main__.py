"""`python -m chart {write|check|release}`: makes what is generated, or says what is wrong."""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import generated as files
from chart import copies, keys, readme, rendering
from chart.places import CHARTS, HELM

Generated = Callable[[], dict[Path, str]]
Present = Callable[[], set[Path]]
# What each makes, and what is there of it. Renders come after what they read.
PARTS: tuple[tuple[Generated, Present], ...] = (
    (copies.generated, copies.present),
    (readme.generated, readme.present),
    (rendering.generated, rendering.present),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="chart", description=__doc__)
    parser.add_argument("command", choices=["write", "check", "release"])
    match parser.parse_args().command:
        case "write":
            write()
        case "release":
            keys.release()
        case _:
            found = [*complaints()]
            sys.stdout.writelines(f"{line}\n" for line in found)
            return 1 if found else 0
    return 0


def write() -> None:
    """Write what is generated, and take away what no longer is."""
    for generated, present in PARTS:
        files.write(generated(), present())


def complaints() -> Iterator[str]:
    """What is stale, undocumented or not told."""
    yield from stale()
    yield from readme.complaints()
    yield from keys.complaints()
    yield from lint()


def stale() -> Iterator[str]:
    """The files that are not what they would be now."""
    for generated, present in PARTS:
        yield from files.stale(generated(), present())


def lint() -> Iterator[str]:
    """What Helm itself has against the charts."""
    for chart in sorted(path.parent for path in CHARTS.glob("*/Chart.yaml")):
        command = [str(HELM), "lint", "--strict", "--quiet", str(chart)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            yield f"{files.told(chart)}: {done.stdout}{done.stderr}"


if __name__ == "__main__":
    sys.exit(main())
