"""The whole suite for the tests that need more than one service: one stack for the run."""

from collections.abc import Iterator

import pytest

from stack.trial import Trial, new_trial


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of the tests' own, up and without the demo company."""
    trial = new_trial(tmp_path_factory.mktemp("stack"))
    trial.up()
    yield trial
    trial.command("down")
