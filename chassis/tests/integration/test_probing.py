"""What probes ask of a database that has stopped in the middle of everything."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError

from crm_chassis.mongo import connection
from crm_chassis.mongo.failures import check_database
from crm_chassis.mongo.migrations import migrate, require_schema
from crm_chassis.testing.mongo import start_mongod
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.waiting import wait_until

MIGRATIONS = "probed_migrations"


@pytest.fixture
def frozen(tmp_path, monkeypatch) -> Iterator[None]:
    """The database of a service, migrated, connected to and silent."""
    package = tmp_path / MIGRATIONS
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "0001_nothing.py").write_text("def up(database): pass\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    mongod = start_mongod(tmp_path, free_ports(1)[0])
    connection.connect(mongod.uri, "crm_probe")
    migrate(MIGRATIONS)
    require_schema(MIGRATIONS)
    os.kill(mongod.process.pid, signal.SIGSTOP)
    state = Path(f"/proc/{mongod.process.pid}/stat")
    wait_until(lambda: state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T")
    yield
    os.kill(mongod.process.pid, signal.SIGCONT)
    connection.disconnect()
    mongod.stop()


@pytest.mark.parametrize("check", [check_database, lambda: require_schema(MIGRATIONS)])
def test_a_check_does_not_wait_for_a_silent_database(frozen, check):
    begun = time.monotonic()

    with pytest.raises(PyMongoError):
        check()

    # The driver by itself waits for half a minute.
    assert time.monotonic() - begun < 15
