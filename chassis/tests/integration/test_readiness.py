"""Readiness is told soon, whatever becomes of what it depends on."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest
from pymongo.errors import PyMongoError

from crm_chassis.mongo import connection
from crm_chassis.rpc.server import database_checks
from crm_chassis.testing.waiting import wait_until


@pytest.fixture
def hanging_database() -> Iterator[None]:
    """A database that takes connections and never answers: its machine swaps, or it was stopped."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"mongodb://127.0.0.1:{silent.getsockname()[1]}"
        connection.connect(uri, "crm_chassis", serverSelectionTimeoutMS=60_000)
        yield
        connection.disconnect()


@pytest.mark.usefixtures("hanging_database")
@pytest.mark.parametrize("name", ["mongodb", "schema"])
def test_a_database_that_hangs_keeps_no_probe_waiting(name):
    found: list[Exception] = []

    def look() -> None:
        try:
            database_checks("crm_chassis.mongo")[name]()
        except PyMongoError as error:
            found.append(error)

    Thread(target=look, daemon=True).start()

    wait_until(lambda: found, timeout=10, what="the check to give up")
