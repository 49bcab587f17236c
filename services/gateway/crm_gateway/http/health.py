"""Liveness and readiness, as a load balancer asks for them."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from werkzeug.wrappers import Response

from crm_gateway.http.table import HttpRoute, Operation, public
from crm_gateway.transcoding.exchange import Exchange
from crm_gateway.transcoding.openapi import PROBLEM, OpenApi
from crm_gateway.transcoding.problems import MEDIA_TYPE, Problem
from crm_gateway.transcoding.routes import JSON

Checks = Mapping[str, Callable[[], None]]

_NOT_READY = Problem(503, "NOT_READY", "Something that is needed to answer is not there.")
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["ready", "dependencies"],
    "properties": {
        "ready": {"type": "boolean"},
        "dependencies": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["ready", "needed"],
                "properties": {
                    "ready": {"type": "boolean"},
                    "needed": {"type": "boolean", "description": "Nothing is ready without it."},
                },
            },
        },
    },
}


def health_routes(checks: Checks, needed: Collection[str]) -> list[HttpRoute]:
    """`/healthz`, and `/readyz` with each dependency: 503 while one of those `needed` is away."""
    return [
        HttpRoute("GET", "/healthz", _alive, _describe_alive),
        HttpRoute("GET", "/readyz", Readiness(checks, needed).answer, _describe_ready),
    ]


class Readiness:
    """Asks all dependencies at once, so that those that are away cost no more than one of them."""

    def __init__(self, checks: Checks, needed: Collection[str]) -> None:
        self._checks = checks
        self._needed = needed

    def answer(self, exchange: Exchange, _values: Mapping[str, str]) -> Response:
        with ThreadPoolExecutor(max(1, len(self._checks)), "readiness") as pool:
            found = dict(zip(self._checks, pool.map(_passes, self._checks.values()), strict=True))
        is_ready = all(found[name] for name in self._needed if name in found)
        document = {
            "ready": is_ready,
            "dependencies": {
                name: {"ready": there, "needed": name in self._needed}
                for name, there in found.items()
            },
        }
        if is_ready:
            return _plain(document)
        response = _NOT_READY.response(exchange.request_id, document)
        response.headers["Cache-Control"] = "no-store"
        return response


def _alive(_exchange: Exchange, _values: Mapping[str, str]) -> Response:
    return _plain({"status": "ok"})


def _plain(document: Mapping[str, Any]) -> Response:
    headers = [("Content-Type", JSON), ("Cache-Control", "no-store")]
    return Response(orjson.dumps(document), headers=headers)


def _passes(check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception:  # noqa: BLE001 - whatever a check raises means: not now
        return False
    return True


def _describe_alive(_builder: OpenApi) -> Operation:
    schema = {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "string", "const": "ok"}},
    }
    return public("getHealth", "Tells whether the gateway runs", {JSON: {"schema": schema}})


def _describe_ready(_builder: OpenApi) -> Operation:
    content = {JSON: {"schema": _SCHEMA}}
    operation = public("getReadiness", "Tells whether the gateway can answer", content)
    problem = {"allOf": [{"$ref": f"#/components/schemas/{PROBLEM}"}, _SCHEMA]}
    operation["responses"]["503"] = {
        "description": "Not now.",
        "content": {MEDIA_TYPE: {"schema": problem}},
    }
    return operation
