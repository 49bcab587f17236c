"""How the gateway is reached, how it is tried, and where secrets come from."""

import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from helm.rendered import container, named, names_of, of_case, of_kind, pods

PATHS = {"/readyz": {"ready": True}, "/v1/contacts?pageSize=1": {"contacts": []}}


def test_there_is_neither_an_ingress_nor_a_route_unless_it_is_wanted():
    assert not of_kind(of_case("default"), "Ingress", "HTTPRoute")


def test_an_ingress_leads_to_the_gateway_with_its_certificate():
    spec = named(of_case("production"), "Ingress", "crm-gateway")["spec"]
    (rule,) = spec["rules"]
    (path,) = rule["http"]["paths"]

    assert path["backend"]["service"] == {"name": "crm-gateway", "port": {"name": "http"}}
    assert spec["tls"] == [{"hosts": ["crm.example.com"], "secretName": "crm-tls"}]
    assert "tls" not in named(of_case("ingress"), "Ingress", "crm-gateway")["spec"]


def test_a_route_leads_to_the_gateway():
    (rule,) = named(of_case("httproute"), "HTTPRoute", "crm-gateway")["spec"]["rules"]

    assert rule["backendRefs"] == [{"name": "crm-gateway", "port": 80}]


def test_every_secret_that_is_mounted_comes_from_the_store():
    documents = of_case("externalsecrets")
    made = {
        one["spec"]["target"]["name"]: {each["secretKey"] for each in one["spec"]["data"]}
        for one in of_kind(documents, "ExternalSecret")
    }
    mounted: dict[str, set[str]] = {}
    for name, template in pods(documents):
        if name.endswith("-test"):
            continue
        (volume,) = [one for one in template["spec"]["volumes"] if one["name"] == "secrets"]
        for source in volume["projected"]["sources"]:
            keys = {item["key"] for item in source["secret"]["items"]}
            mounted.setdefault(source["secret"]["name"], set()).update(keys)

    assert "mongodb-contacts" in made
    assert made == mounted
    assert not of_kind(documents, "Secret")
    assert names_of(of_case("default"), "ExternalSecret") == set()


class Gateway(BaseHTTPRequestHandler):
    """Answers what the test pod asks for, and notes it."""

    asked: list[tuple[str, str | None]] = []

    def do_GET(self):
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(200 if self.path in PATHS else 503)
        self.end_headers()
        self.wfile.write(json.dumps(PATHS.get(self.path, {})).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def gateway():
    server = HTTPServer(("127.0.0.1", 0), Gateway)
    Thread(target=server.serve_forever, daemon=True).start()
    Gateway.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def call(url, key_file):
    """Run what the test pod runs, against another gateway."""
    (only,) = [container(pod) for name, pod in pods(of_case("default")) if name.endswith("-test")]
    program = only["command"][2]
    assert only["command"][:2] == ["python", "-c"]
    assert only["args"] == ["http://crm-gateway:80", "/run/secrets/crm/api-key"]
    command = [sys.executable, "-c", program, url, str(key_file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_test_pod_makes_a_real_call_with_the_key(gateway, tmp_path):
    key = tmp_path / "api-key"
    key.write_text("crm_live_a_b\n", encoding="utf-8")

    done = call(gateway, key)

    assert (done.returncode, done.stdout) == (0, "ready: True\ncontacts: ['contacts']\n")
    assert Gateway.asked == [
        ("/readyz", None),
        ("/v1/contacts?pageSize=1", "Bearer crm_live_a_b"),
    ]


def test_without_a_key_it_asks_whether_the_gateway_is_ready(gateway, tmp_path):
    assert call(gateway, tmp_path / "none").stdout == "ready: True\n"


def test_it_fails_when_the_gateway_does(gateway, tmp_path):
    assert call(f"{gateway}/elsewhere", tmp_path / "none").returncode != 0
