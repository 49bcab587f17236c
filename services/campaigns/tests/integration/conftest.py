"""A fresh database with the service's indexes, and an administrator's call around each test."""

import pytest

from crm_campaigns.deliveries.jobs import Sender
from crm_campaigns.mail.smtp import Server
from crm_campaigns.testing import OwnerStandIn, an_inbox
from crm_chassis.mongo.migrations import migrate
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call


@pytest.fixture(autouse=True)
def _schema(database):
    migrate("crm_campaigns.migrations")


@pytest.fixture(autouse=True)
def _call(_schema):
    with call_scope(a_call()):
        yield


@pytest.fixture
def inbox():
    with an_inbox() as inbox:
        yield inbox


@pytest.fixture
def owner():
    return OwnerStandIn()


@pytest.fixture
def sender(inbox, owner):
    sender = Sender(Server.of(inbox.url), "https://crm.example.com", owner)
    yield sender
    sender.close()
