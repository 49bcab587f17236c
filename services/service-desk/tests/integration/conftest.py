"""A fresh database with the service's indexes, and an administrator's call around each test."""

import pytest

from crm_chassis.mongo.migrations import migrate
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call


@pytest.fixture(autouse=True)
def _schema(database):
    migrate("crm_service_desk.migrations")


@pytest.fixture(autouse=True)
def _call(_schema):
    with call_scope(a_call()):
        yield
