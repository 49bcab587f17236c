"""The suite in a namespace of the tests' own, on the cluster that kubectl points to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite(
    "cluster.installation", "cluster.pressure", "faults.evidence", "faults.processes"
)

from cluster.installation import Installation  # noqa: E402 - rewritten when it is imported
from faults.evidence import Evidence, evidence_since  # noqa: E402

from crm_chassis.kernel.clock import now  # noqa: E402
from crm_chassis.testing.suite import Suite  # noqa: E402
from deployment.cluster import Cluster  # noqa: E402
from deployment.images import names_from_environment  # noqa: E402
from deployment.lifecycle import Deployment, hand_over, undeploy  # noqa: E402
from stack.layout import Layout  # noqa: E402

NAMESPACE = "crm-e2e"


@pytest.fixture(scope="session")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Where the suite can be installed: the images are there. Empty afterwards."""
    cluster = Cluster(os.environ.get("NAMESPACE") or NAMESPACE)
    layout = Layout(Path(tmp_path_factory.mktemp("cluster")))
    deployment = Deployment(cluster, names_from_environment(), layout)
    hand_over(deployment)
    yield Installation(deployment)
    undeploy(deployment)


@pytest.fixture(scope="module")
def standing(namespace: Installation) -> Installation:
    """The suite, installed and ready, for tests that only look."""
    namespace.make_ready()
    return namespace


@pytest.fixture
def installation(namespace: Installation) -> Iterator[Installation]:
    """The suite, installed and ready. Of all that the test does nothing restarts a container."""
    namespace.make_ready()
    yield namespace
    assert namespace.restarts() == {}


@pytest.fixture
def suite(installation: Installation) -> Suite:
    """The same for whoever asks it from here."""
    return installation.suite


@pytest.fixture
def evidence(suite: Suite) -> Iterator[Evidence]:
    """What comes about during the test."""
    with evidence_since(suite, now()) as evidence:
        yield evidence
