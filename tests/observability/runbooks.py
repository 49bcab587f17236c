"""The pages for who is called, and the code in them."""

import re
from pathlib import Path

from monitoring import places

ALERTS = sorted(places.RUNBOOKS.glob("*.md"))
PAGES = sorted(places.RUNBOOKS.rglob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """The lines of all blocks of code in a language."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in found for line in block.splitlines()]
