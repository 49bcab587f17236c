"""What Prometheus itself says of rules and expressions."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from monitoring.writing import as_yaml


def promtool(*arguments: str | Path) -> None:
    """Let promtool look; what it finds is the message."""
    done = subprocess.run(
        ["promtool", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def assert_parsed(expressions: Iterable[str], folder: Path) -> None:
    """All of these are expressions that Prometheus takes."""
    rules = [
        {"record": f"expression:{number}", "expr": expression}
        for number, expression in enumerate(expressions)
    ]
    file = folder / "expressions.yaml"
    file.write_text(as_yaml({"groups": [{"name": "all", "rules": rules}]}), encoding="utf-8")
    promtool("check", "rules", file)
