"""Checks the protos: their format, their style, and that nothing that was promised has changed.

`--release` instead writes what is promised from now on; the commit that holds it says so.
"""

import argparse
import difflib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from google.protobuf import descriptor_pb2

import build_protos
from surface import surface_of

ROOT = build_protos.ROOT
IMAGE = build_protos.SOURCES / "gen" / build_protos.FULL_IMAGE
RELEASED = build_protos.SOURCES / "released.binpb"
SURFACE = build_protos.SOURCES / "surface.txt"


def main() -> None:
    """Run every check and end with 1 when one of them found something."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--release", action="store_true", help="promise the protos as they are")
    asked = options.parse_args()
    build_protos.build(build_protos.SOURCES, build_protos.SOURCES / "gen")
    if asked.release:
        release()
        return
    checks: dict[str, Callable[[], bool]] = {
        "format": lambda: buf("format", "--diff", "--exit-code", "."),
        "lint": lambda: buf("lint", str(IMAGE)),
        "breaking": lambda: buf("breaking", str(IMAGE), "--against", str(RELEASED)),
        "surface": is_surface_kept,
    }
    failed = [name for name, passes in checks.items() if not passes()]
    if failed:
        raise SystemExit(f"protos: {', '.join(failed)} failed")
    sys.stdout.write("protos: format, lint, breaking and surface are fine\n")


def buf(*arguments: str) -> bool:
    """Run buf of this environment in the root of the repository."""
    program = Path(sys.executable).parent / "buf"
    return subprocess.run([program, *arguments], cwd=ROOT, check=False).returncode == 0


def is_surface_kept() -> bool:
    """Compare the options of RPCs, messages and fields with those released."""
    before = SURFACE.read_text().splitlines(keepends=True)
    now = surface_of(IMAGE.read_bytes()).splitlines(keepends=True)
    changes = list(difflib.unified_diff(before, now, "released", "now", n=0))
    sys.stdout.writelines(changes)
    return not changes


def release() -> None:
    """Write the image without comments, and the surface."""
    files = descriptor_pb2.FileDescriptorSet.FromString(IMAGE.read_bytes())
    for file in files.file:
        file.ClearField("source_code_info")
    RELEASED.write_bytes(files.SerializeToString(deterministic=True))
    SURFACE.write_text(surface_of(IMAGE.read_bytes()))


if __name__ == "__main__":
    main()
