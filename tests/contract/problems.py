"""What every refusal looks like, whatever it is about."""

import re
from http import HTTPStatus
from typing import Any

from crm_chassis.testing.suite import Answer

PLACES = ("body", "query", "path", "header")
_WORD = re.compile(r"[A-Z][A-Z0-9_]+")
# Words that would tell what is inside.
_INSIDE = re.compile(
    rb"Traceback|File \"|\.py\b|Exception|object at 0x|mongo|Mongo|grpc|gRPC|werkzeug|flask|orjson"
    rb"|pymongo|protovalidate|protobuf|google\.|buf\.validate|crm_|\bself\b|KeyError|ValueError"
)


def problem(answer: Answer, status: int, reason: str = "") -> dict[str, Any]:
    """The problem that an answer tells, which is one as the contract has it.

    Raises:
        AssertionError: it is not.
    """
    assert answer.status == status, f"{answer.status}: {answer.content[:500]!r}"
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["content-type"] == "application/problem+json"
    assert not _INSIDE.search(answer.content), answer.content[:2000]
    told: dict[str, Any] = answer.body
    assert told["status"] == status
    assert told["title"] == HTTPStatus(status).phrase
    assert _WORD.fullmatch(told["reason"])
    assert told["type"] == f"urn:crm:problem:{told['reason'].lower().replace('_', '-')}"
    assert told["detail"]
    assert told["instance"] == headers["x-request-id"]
    for error in told.get("errors", ()):
        assert set(error) == {"field", "in", "reason", "description"}
        assert error["in"] in PLACES
        assert _WORD.fullmatch(error["reason"])
    assert reason in ("", told["reason"]), told
    return told


def places(answer: Answer, status: int = 400) -> set[tuple[str, str, str]]:
    """What a problem finds wrong: field, place and reason of each error."""
    told = problem(answer, status)
    return {(error["field"], error["in"], error["reason"]) for error in told.get("errors", ())}
