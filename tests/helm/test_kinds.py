"""Everything that is rendered or given as an example is what Kubernetes and operators take."""

import json
import re
import subprocess

import pytest
import yaml
from helm.kinds import OWN, complaint
from helm.rendered import CASES, MATRIX, named, of_case, of_kind
from joserfc.jwk import OKPKey
from jsonschema import Draft202012Validator

from chart.places import CHART, ROOT
from chart.rendering import cases, render
from crm_chassis.rpc.tokens import Signer, Verifier

EXAMPLES = ROOT / "deploy" / "examples"
MANIFESTS = sorted(path for path in EXAMPLES.glob("*.yaml") if not path.name.startswith("values-"))
VALUES = sorted(EXAMPLES.glob("values-*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_kubernetes_takes_every_document(case):
    assert [told for told in map(complaint, of_case(case)) if told] == []


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_takes_every_example(file):
    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))

    assert documents
    assert [told for told in map(complaint, documents) if told] == []


@pytest.mark.parametrize("file", VALUES, ids=lambda path: path.name)
def test_the_chart_takes_the_example_s_values(file):
    beneath = cases(CHART)["production"] if file.name == "values-operators.yaml" else []
    documents = render(CHART, [*beneath, file])

    assert [told for told in map(complaint, documents) if told] == []
    assert documents != of_case("default")


def read(name):
    return list(yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8")))


def test_every_schema_is_one_and_is_needed():
    used = {document["kind"] for case in CASES for document in of_case(case)}
    used |= {document["kind"] for file in MANIFESTS for document in read(file.name)}

    for file in OWN.glob("*.json"):
        Draft202012Validator.check_schema(json.loads(file.read_text(encoding="utf-8")))
        assert file.stem in used


@pytest.mark.parametrize(
    ("kind", "name", "change", "told"),
    [
        ("Deployment", "crm-sales-api", {"replica": 2}, "'replica' was unexpected"),
        ("Deployment", "crm-sales-api", {"replicas": "2"}, "'2' is not"),
        ("ServiceMonitor", "crm", {"endpoint": []}, "'endpoint' was unexpected"),
        ("PrometheusRule", "crm", {"groups": [{"name": "a", "rules": [{}]}]}, "not valid"),
    ],
)
def test_what_kubernetes_would_not_take_is_found(kind, name, change, told):
    document = named(of_case("monitoring"), kind, name)

    assert told in complaint({**document, "spec": {**document["spec"], **change}})


def test_every_service_has_an_account_for_its_own_database_only():
    (cluster,) = read("mongodb.yaml")
    databases = {
        user["name"]: [(role["name"], role["db"]) for role in user["roles"]]
        for user in cluster["spec"]["users"]
    }

    assert databases == {
        service: [(role, f"crm_{service.replace('-', '_')}") for role in ("readWrite", "dbAdmin")]
        for service in MATRIX
    }


def test_every_service_has_an_account_at_the_broker():
    documents = read("rabbitmq.yaml")
    users, permissions = of_kind(documents, "User"), of_kind(documents, "Permission")

    assert {one["metadata"]["name"] for one in users} == set(MATRIX)
    assert {one["spec"]["userReference"]["name"] for one in permissions} == set(MATRIX)


def test_the_keys_that_are_made_as_told_let_services_know_each_other(tmp_path):
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    subprocess.run(["bash", "-euc", script], cwd=tmp_path, check=True)
    verifier = Verifier(tmp_path / "tokens" / "keys")

    for service in MATRIX:
        key = OKPKey.import_key((tmp_path / "tokens" / f"{service}-key").read_bytes())
        token = Signer(service, key).mint_own()
        assert verifier.principal(f"Bearer {token}").name == f"services/{service}"
