"""The document that the running suite gives: valid, complete, and of what is served."""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from contract.problems import problem
from openapi_spec_validator import OpenAPIV31SpecValidator

from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.channels import Peers
from crm_chassis.telemetry.context import service_principal
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.protos import declared_rpcs
from crm_gateway.app import Parts, create_app
from crm_gateway.http.unsubscribe import unsubscribe_routes
from crm_gateway.ops.routes import ops_routes
from crm_gateway.settings import GatewaySettings
from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import load_schema
from crm_gateway.transcoding.upstream import Upstreams
from crm_gateway.views.routes import view_routes

PROBLEM = "application/problem+json"
# Links that are signed: whoever has one needs no key, and one that is made up leads nowhere.
LINKS = {"/unsubscribe/{token}"}
NEVER_REFUSED = {"/healthz", "/readyz", "/docs", "/v1/openapi.json", *LINKS}
# Pages for people, who show their key as a browser can.
PAGES = {"/ops", "/ops/data"}
# What every operation that needs a right may answer beside what it is for.
ALWAYS = {"400", "401", "403", "429", "503", "504"}
CHANGES = {"post", "patch", "delete"}


@pytest.fixture(scope="module")
def document(suite) -> dict[str, Any]:
    return suite.client(None).get("/v1/openapi.json").ok()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def test_the_document_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_operation_has_a_name_a_summary_and_a_tag_that_is_described(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}

    assert len(set(names)) == len(names)
    for path, verb, operation in operations(document):
        assert operation["summary"], (verb, path)
        assert operation["description"], (verb, path)
        if path not in NEVER_REFUSED:
            assert all(tags[tag] for tag in operation["tags"]), (verb, path)


def test_every_operation_names_the_right_that_it_needs(document):
    declared = {(rpc.collection, rpc.action) for rpc in declared_rpcs()} | {("ops", "READ")}

    for path, verb, operation in operations(document):
        if path in NEVER_REFUSED:
            assert operation["security"] == [], path
        else:
            needs = operation["x-permission"]
            assert (needs["collection"], needs["action"]) in declared, (verb, path)
            assert ("security" in operation) == (path in PAGES)


def test_every_operation_names_the_problems_that_it_may_answer(document):
    for path, verb, operation in operations(document):
        if path in NEVER_REFUSED:
            assert operation["responses"]["default"]["$ref"].endswith("/Problem")
            continue
        told = set(operation["responses"])
        wanted = ALWAYS | ({"404"} if "{" in path else set())
        wanted |= {"409", "422"} if verb in CHANGES else set()
        wanted |= {"412", "428"} if verb in ("patch", "delete") else set()
        wanted |= {"413", "415"} if "requestBody" in operation else set()
        assert told >= wanted, (verb, path, wanted - told)
        for status in (status for status in told if status >= "400"):
            reference = operation["responses"][status]["$ref"].rpartition("/")[2]
            assert PROBLEM in document["components"]["responses"][reference]["content"]


def test_every_parameter_and_field_has_a_schema_and_words(document):
    for path, verb, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert parameter["schema"], (verb, path, parameter["name"])
            assert parameter["description"], (verb, path, parameter["name"])
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") == "object":
            assert schema["description"], name


def test_what_is_served_is_what_is_in_the_document(document, tmp_path):
    keys = make_keys(tmp_path)
    bindings = Bindings(load_schema())
    peers = Peers(keys.signer(), dict.fromkeys(("contacts", "analytics"), "127.0.0.1:1"))
    ours = [
        *view_routes(bindings, peers, lambda _: ""),
        *unsubscribe_routes(peers),
        *ops_routes(GatewaySettings(), lambda _: service_principal("gateway")),
    ]
    app = create_app(Parts(bindings, Upstreams(bindings.schema, peers), lambda _: "", routes=ours))

    served = {rule.endpoint for rule in app.url_map.iter_rules()}

    assert served == {f"{verb.upper()} {path}" for path, verb, _ in operations(document)}
    peers.close()


def test_every_operation_is_answered(suite, document):
    client = suite.client(None)

    for path, verb, _ in operations(document):
        answer = client.ask(verb.upper(), re.sub(r"\{[^}]+\}", new_id(), path))

        if path in LINKS:
            assert answer.status == (404 if verb == "get" else 400), path
        elif path in NEVER_REFUSED:
            assert answer.status == 200, path
        else:
            problem(answer, 401)


def test_the_page_for_people_needs_nothing_from_elsewhere(suite):
    page = suite.client(None).get("/docs").content.decode()

    assert not re.search(r"(src|url\(|import|@font-face)[=\s\"'(]", page)
    assert re.findall(r"href=\"([^\"]+)\"", page) == ["/v1/openapi.json"]


def test_a_browser_runs_what_is_in_the_page_and_nothing_else(suite):
    answer = suite.client(None).get("/docs")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    policy = dict(
        one.strip().split(" ", 1) for one in headers["content-security-policy"].split(";")
    )

    for element in ("script", "style"):
        [text] = re.findall(f"<{element}>(.*?)</{element}>", answer.content.decode(), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[f"{element}-src"] == f"'sha256-{digest}'"
