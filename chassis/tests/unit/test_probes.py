"""The probes' port: alive, ready, measured."""

import json
import socket
import struct
from contextlib import closing
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from crm_chassis.telemetry import metrics, probes

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def get(port, path, accept="*/*"):
    request = Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": accept})
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def state():
    return {"mongodb": True}


@pytest.fixture
def port(state):
    def check():
        if not state["mongodb"]:
            raise ConnectionError("no answer")

    readiness = {"mongodb": check, "schema": lambda: None}
    with closing(probes.serve("127.0.0.1:0", readiness)) as served:
        yield served.port


def test_readiness_lists_each_dependency(port, state):
    ready = get(port, "/readyz")
    state["mongodb"] = False

    status, body = get(port, "/readyz")

    checks = {"mongodb": "ok", "schema": "ok"}
    assert ready == (200, json.dumps({"ok": True, "checks": checks}))
    assert status == 503
    assert json.loads(body)["checks"] == {
        "mongodb": "ConnectionError: no answer",
        "schema": "ok",
    }


def test_who_does_not_wait_for_the_answer_leaves_no_trace_of_python(port, capfd):
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as asking:
            asking.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert get(port, "/livez")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_liveness_does_not_ask_for_dependencies(port, state):
    state["mongodb"] = False

    assert get(port, "/livez")[0] == 200


def test_exemplars_are_shown_to_who_asks_for_openmetrics(port):
    duration = metrics.GRPC_SERVER_DURATION.labels("probe", "Probe")

    duration.observe(0.02, {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"})

    plain, full = get(port, "/metrics")[1], get(port, "/metrics", OPENMETRICS)[1]
    exemplar = '# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}'
    assert exemplar in full
    assert full.endswith("# EOF\n")
    assert exemplar not in plain


def test_other_paths_are_not_there(port):
    assert get(port, "/")[0] == 404


def test_what_is_expected_is_shown_from_the_start(port):
    metrics.expect(metrics.AUTH_FAILURES, ["never-happens"])

    shown = get(port, "/metrics")[1]

    assert 'crm_auth_failures_total{reason="never-happens"} 0.0' in shown
