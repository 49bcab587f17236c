"""A fresh database with the gateway's indexes and roles, and an administrator's call around it."""

import pytest

from crm_chassis.mongo.migrations import migrate
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call


@pytest.fixture
def schema(database):
    migrate("crm_gateway.migrations")
    return database


@pytest.fixture
def administration(schema):
    with call_scope(a_call()):
        yield schema
