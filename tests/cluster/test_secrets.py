"""Secrets are in files alone, and what is told wrongly is named at once."""

import json
import secrets
from collections.abc import Iterator

import pytest
from cluster.installation import DEPLOYMENTS, Installation

from crm_chassis.testing.waiting import wait_until
from deployment.credentials import BOOTSTRAP, MONGODB, TOKENS
from deployment.lifecycle import SUITE, install
from deployment.programs import DeploymentError
from stack.services import SERVICES

WRONG = "wrong"
ENVIRONMENT = "print(open('/proc/1/environ').read())"


def secret_values(installation: Installation) -> set[str]:
    """Every password and key that the suite is given."""
    secret = installation.deployment.cluster.secret
    key = secret(BOOTSTRAP)["api-key"]
    private = [text for name, text in secret(TOKENS).items() if name.endswith("-key")]
    lines = {line for text in private for line in text.splitlines() if "-----" not in line}
    return {*secret(MONGODB).values(), key.rpartition("_")[2], *lines}


def test_no_secret_is_in_a_log_or_listed_with_the_environment(installation, suite, admin, word):
    admin.post("/v1/contacts", {"givenName": "Ann", "familyName": word}).ok()
    known = secret_values(installation)
    wait_until(lambda: not installation.ending(), every=1, what="the old pods to end")
    everything = {
        "objects": installation.kubectl(
            *("get", "all,configmaps,serviceaccounts,events", "--output", "yaml")
        ),
        "values": installation.deployment.cluster.helm("get", "all", SUITE),
    }
    for pod in installation.pods("app.kubernetes.io/name in (crm,crm-data-dev)"):
        name = pod["metadata"]["name"]
        everything[f"log of {name}"] = installation.kubectl("logs", name, "--all-containers")
    for pod in installation.pods():
        name = pod["metadata"]["name"]
        everything[f"environment of {name}"] = installation.run(name, ENVIRONMENT)

    found = {place for place, text in everything.items() for one in known if one in text}

    assert len(known) >= 2 * len(SERVICES)
    assert found == set()


def test_another_password_rolls_the_pods_that_are_given_it_and_no_others(installation, suite):
    cluster, password = installation.deployment.cluster, secrets.token_hex(16)
    before = set(names_of_pods(installation))
    accounts, uris = cluster.secret(MONGODB), cluster.secret("crm-mongodb")
    uris["sales-uri"] = uris["sales-uri"].replace(accounts["sales"], password)
    cluster.make_secret(MONGODB, {**accounts, "sales": password})
    cluster.make_secret("crm-mongodb", uris)

    installation.make_ready()
    wait_until(lambda: not installation.ending(), 120, 1, "the old pods to end")

    stayed = before & set(names_of_pods(installation))
    assert {name for name in before if "-sales-" in name} == before - stayed
    suite.client().get("/v1/deals").ok()


def names_of_pods(installation: Installation) -> Iterator[str]:
    """The pods of the processes, by their names."""
    for deployment in DEPLOYMENTS:
        yield from installation.pods_of(deployment)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ("config.logLevel=LOUD", "logLevel"),
        ("config.timeZone=", "timeZone"),
        ("config.loglevel=DEBUG", "loglevel"),
        ("services.campaigns.config.publicUrl=crm.example.com", "publicUrl"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name_before_anything_changes(standing, told, named):
    with pytest.raises(DeploymentError, match=named):
        install(standing.deployment, SUITE, "--set-string", told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRM_CONTACTS_LOG_LEVL", "DEBUG"),
        ("CRM_CONTACTS_TIME_ZONE", "Europe/Zurrich"),
        ("CRM_CONTACTS_MONGODB_URI_FILE", "/nowhere"),
    ],
)
def test_a_process_that_is_told_wrongly_ends_at_once_and_names_it(standing, name, value):
    standing.start_pod(
        WRONG, ["/opt/crm/code/service", "api"], env=[{"name": name, "value": value}]
    )

    def ended():
        pod = json.loads(standing.kubectl("get", "pod", WRONG, "--output", "json"))
        return pod["status"]["phase"] in ("Failed", "Succeeded") and pod["status"]["phase"]

    assert wait_until(ended, 60, 0.5, "its end") == "Failed"
    assert name in standing.kubectl("logs", WRONG)
    standing.remove_pod(WRONG)
