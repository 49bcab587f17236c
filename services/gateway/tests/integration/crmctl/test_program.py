"""The program itself: help, exit codes, and errors that say what to do."""

import os
import subprocess
import sys

import pytest


def test_a_key_is_sent_with_every_request(api, crmctl):
    api.put("GET /v1/deadLetters", {"deadLetters": []})

    ran = crmctl("dlq", "list")

    assert ran.code == 0
    assert api.asked[0][2]["Authorization"] == "Bearer a-key"


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["import", "contacts"],
        ["dlq", "list"],
        ["dlq", "show"],
        ["dlq", "replay"],
        ["dlq", "park"],
        ["dlq", "discard"],
        ["ledger"],
        ["ledger", "replay"],
        ["keys", "create"],
        ["keys", "revoke"],
        ["keys", "list"],
        ["doctor"],
    ],
)
def test_every_command_helps_with_examples(crmctl, command):
    ran = crmctl(*command, "--help")

    assert ran.code == 0
    assert "examples:" in ran.said
    assert f"crmctl {' '.join(command)}".strip() in ran.said


def test_without_an_address_and_a_key_it_is_said_where_they_come_from(crmctl, monkeypatch):
    monkeypatch.delenv("CRM_API_KEY")

    ran = crmctl("doctor")

    assert ran.code == 2
    assert "CRM_URL" in ran.complained


def test_a_refusal_is_told_with_every_place_and_the_request(api, crmctl):
    errors = [
        {"in": "query", "field": "pageSize", "reason": "TOO_LARGE", "description": "is too large"}
    ]
    api.refuse("GET /v1/deadLetters", 400, "INVALID_FIELDS", errors=errors)

    ran = crmctl("dlq", "list")

    assert ran.code == 3
    assert ran.complained.splitlines() == [
        "error: It is not so. (INVALID_FIELDS)",
        "  query pageSize: is too large (TOO_LARGE)",
        "  request request-1",
    ]


def test_a_key_that_does_not_count_is_named_as_the_cause(api, crmctl):
    api.refuse("GET /v1/apiKeys", 401, "UNAUTHENTICATED")

    ran = crmctl("keys", "list")

    assert ran.code == 3
    assert "CRM_API_KEY" in ran.complained


def test_an_address_where_nobody_answers_is_told_apart(crmctl, monkeypatch):
    monkeypatch.setenv("CRM_URL", "http://127.0.0.1:1")

    ran = crmctl("keys", "list")

    assert ran.code == 4
    assert "http://127.0.0.1:1 cannot be reached" in ran.complained
    assert "object at" not in ran.complained


def test_an_address_where_something_else_answers_is_told_apart(api, crmctl):
    api.put("GET /v1/apiKeys", b"<html>")

    ran = crmctl("keys", "list")

    assert ran.code == 4
    assert "is the address right?" in ran.complained


def test_a_key_that_no_header_can_carry_is_refused(crmctl, monkeypatch):
    monkeypatch.setenv("CRM_API_KEY", "crm_live_\nx")

    ran = crmctl("keys", "list")

    assert ran.code == 2
    assert "CRM_API_KEY is not a key" in ran.complained


def test_a_file_that_cannot_be_written_is_told_of(api, crmctl, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("first\nAnn\n", encoding="utf-8")
    file.with_name("people.bad-rows.csv").mkdir()
    response = {"failed": 1.0, "errorsUri": "/v1/operations/x:badRows"}
    operation = {"name": "operations/x", "done": True, "response": response}
    api.put("POST /v1/contacts:import", operation)
    api.put("GET /v1/operations/x:badRows", b"first,reason\n")

    ran = crmctl("import", "contacts", str(file), "--map", "first=givenName")

    assert ran.code == 2
    assert "people.bad-rows.csv" in ran.complained


def test_whoever_has_read_enough_may_go(api):
    api.put("GET /v1/apiKeys", {"apiKeys": []})
    variables = {**os.environ, "CRM_URL": api.url, "CRM_API_KEY": "a-key"}
    code = (
        "import sys; from crm_gateway.crmctl.program import main; sys.exit(main(['keys', 'list']))"
    )
    read, write = os.pipe()
    os.close(read)

    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=variables,
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(write)
    assert (ran.returncode, ran.stderr) == (0, b"")
