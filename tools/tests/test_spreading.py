"""How tests are spread over workers: a worker that crashes costs its test, not the run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = """
import os
import signal
import time
import pytest

@pytest.mark.parametrize("number", range(60))
def test_number(number):
    time.sleep(0.25)  # longer in all than a worker takes to start
    if number == 30:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_crashes_fails_its_test_only(tmp_path):
    (tmp_path / "test_some.py").write_text(TESTS)
    shutil.copy(ROOT / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}

    ended = subprocess.run(
        [*command, "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert "1 failed, 59 passed" in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == 1
