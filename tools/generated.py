"""Files that are generated and committed: written, or compared with what they would be now."""

from collections.abc import Iterator, Mapping, Set
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def write(wanted: Mapping[Path, str], present: Set[Path]) -> None:
    """Write the files that are wanted; of those that are `present`, delete the others."""
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in present - wanted.keys():
        path.unlink()


def stale(wanted: Mapping[Path, str], present: Set[Path]) -> Iterator[str]:
    """The files that are not what they would be now, as a person is told of them."""
    for path in sorted(wanted.keys() | present):
        if not path.exists() or path.read_text(encoding="utf-8") != wanted.get(path):
            yield f"{told(path)} is not what it is made from says: run `make docs`"


def told(path: Path) -> str:
    """A path as a person is told it: from the project's folder."""
    return str(path.relative_to(ROOT))
