"""Checks the sizes that ruff has no rule for: lines of a file, and of a function."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FILE, TEST_FILE, FUNCTION = 400, 600, 40


def complaints(path: Path) -> Iterator[str]:
    """What is too long in one Python file."""
    text = path.read_text(encoding="utf-8")
    length = len(text.splitlines())
    limit = TEST_FILE if "tests" in path.parts else FILE
    if length > limit:
        yield f"{path}: {length} lines, more than {limit}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines, more than {FUNCTION}"


def main() -> int:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    found = [line for name in listed if Path(name).is_file() for line in complaints(Path(name))]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
