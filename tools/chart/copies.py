"""What the chart has of the rules and dashboards: a chart can only read files of its own."""

from pathlib import Path

from chart.places import CHART, OBSERVABILITY

FOLDERS = {"rules": "*.yaml", "dashboards": "*.json"}


def generated() -> dict[Path, str]:
    """Every copy, and what belongs in it."""
    return {
        CHART / "files" / folder / path.name: path.read_text(encoding="utf-8")
        for folder, pattern in FOLDERS.items()
        for path in sorted((OBSERVABILITY / folder).glob(pattern))
    }


def present() -> set[Path]:
    """The copies that are there now."""
    return {
        path
        for folder, pattern in FOLDERS.items()
        for path in (CHART / "files" / folder).glob(pattern)
    }
