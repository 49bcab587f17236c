"""Whatever is asked, the answer keeps the document: requests that schemathesis makes up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Of what may be changed at random while others test: not who they are and what they may do.
CUSTOMERS = "^/v1/(contacts|organizations|search)"


@pytest.fixture
def fuzz(suite, person, tmp_path, scale):
    """Runs schemathesis as an administrator of its own, with so many examples for an operation."""
    client = person("roles/administrator").client

    def run(examples: int, *options: str) -> None:
        command = [sys.executable, "-m", "schemathesis.cli"]
        command += ["--config-file", str(HERE / "fuzzing.toml"), "run"]
        command += [f"{client.url}/v1/openapi.json", "--checks", "all"]
        # `valid_requests_are_taken` looks closer: it knows the rules that no JSON Schema can tell;
        # and `nobody_breaks_down` tells who is late on a busy machine from who is broken.
        command += ["--exclude-checks", "positive_data_acceptance,not_a_server_error"]
        command += ["--header", f"Authorization: Bearer {client.key}"]
        command += ["--max-examples", str(max(1, int(examples * scale)))]
        # One worker: before Python 3.12 `ast`, which hypothesis uses, mixes up its threads.
        command += ["--continue-on-failure", "--no-shrink", "--workers", "1", *options]
        # A short run asks the same every time; a long one looks where nobody has looked.
        command += ["--seed", "21"] if scale <= 1 else []
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]

    return run


def test_every_operation_keeps_its_document(fuzz, scale):
    # At full length all that is at the edge of what each field may hold, too.
    phases = "examples,fuzzing" if scale <= 1 else "examples,coverage,fuzzing"
    fuzz(3, "--phases", phases)


def test_operations_one_after_the_other_keep_their_document(fuzz):
    fuzz(12, "--phases", "stateful", "--include-path-regex", CUSTOMERS)
