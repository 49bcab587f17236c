"""Calls the gateway as an internal app does: whether it is ready, and one page of contacts."""

import json
import sys
from pathlib import Path
from urllib.request import Request, urlopen


def call(url: str, headers: dict[str, str]) -> dict[str, object]:
    """The document that is answered; any other answer than 200 is an error."""
    with urlopen(Request(url, headers=headers), timeout=10) as answer:
        document: dict[str, object] = json.load(answer)
    return document


gateway, key_file = sys.argv[1], Path(sys.argv[2])
print("ready:", call(f"{gateway}/readyz", {})["ready"])
if key_file.exists():
    authorization = f"Bearer {key_file.read_text(encoding='utf-8').strip()}"
    page = call(f"{gateway}/v1/contacts?pageSize=1", {"Authorization": authorization})
    print("contacts:", sorted(page))
