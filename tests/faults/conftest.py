"""A crowd at work on the suite, and the evidence of what came of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from crm_chassis.kernel.clock import now

pytest.register_assert_rewrite(
    "faults.clients", "faults.evidence", "faults.ordeal", "faults.processes"
)

from faults.clients import IMPORTED, Accepted, Crowd, insisting, start_import  # noqa: E402 - rewritten when it is imported
from faults.evidence import Evidence, evidence_since  # noqa: E402
from faults.ordeal import Ordeal  # noqa: E402
from faults.processes import assert_all_is_up  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def old_customer(suite) -> dict[str, Any]:
    """A contact of three versions with an interaction, made before all else: the ledger's case."""
    client = insisting(suite, Accepted())
    contact = client.create("/v1/contacts", {"givenName": "Ann"})
    for stage in ("LEAD", "CUSTOMER"):
        contact = client.change(contact, lifecycleStage=stage)
    said = {"channel": "PHONE", "direction": "INBOUND", "subject": "Hello"}
    client.create(f"/v1/{contact['name']}/interactions", said)
    return contact


@pytest.fixture
def evidence(suite) -> Iterator[Evidence]:
    """What comes about during the test; the suite is well before and after it."""
    assert_all_is_up(suite)
    with evidence_since(suite, now()) as evidence:
        yield evidence
    assert_all_is_up(suite)


@pytest.fixture
def crowd(suite, evidence, word) -> Iterator[Crowd]:
    """Clients who work until the test lets them stop."""
    with Crowd(suite, word).at_work() as crowd:
        yield crowd


@pytest.fixture
def ordeal(suite, evidence, crowd, word, scale) -> Ordeal:
    """The same with an import that has begun and is not at its end."""
    running = start_import(crowd.client(), word, int(IMPORTED * max(1, scale / 4)))
    running.wait_for(lambda state: int(state["metadata"]["processed"]) > 0)
    return Ordeal(suite, evidence, crowd, running)
