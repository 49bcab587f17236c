"""A stack whose services do nothing but answer, so that the stack itself can be tried alone."""

from pathlib import Path

import pytest

from stack.programs import TOOLS
from stack.services import SERVICES
from stack.trial import new_trial

SERVICE = (Path(__file__).parent / "answering_service.py").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def make_trial(tmp_path_factory):
    """Makes stacks that are not up; what is running of them when the tests end is ended."""
    made = []

    def make():
        folder = tmp_path_factory.mktemp("trial")
        for service in SERVICES:
            package = folder / "services" / service.package
            package.mkdir(parents=True)
            (package / "__init__.py").touch()
            (package / "__main__.py").write_text(SERVICE, encoding="utf-8")
        made.append(new_trial(folder, PYTHONPATH=f"{TOOLS}:{folder / 'services'}"))
        return made[-1]

    yield make
    for trial in made:
        trial.command("down")


@pytest.fixture(scope="session")
def trial(make_trial):
    """A stack that is up."""
    trial = make_trial()
    trial.up()
    return trial
