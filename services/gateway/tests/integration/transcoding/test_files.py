"""Uploads go on while they come, downloads while they are read."""

import hashlib
import json
import os
from io import BytesIO

import pytest

from crm_chassis.kernel.errors import Invalid, TooLarge

IMPORT = "/v1/contacts:import"
FORM = "multipart/form-data"
BAD_ROWS = "/v1/operations/contacts.0190b0c4-0000-7000-8000-000000000001:badRows"
CONFIG = json.dumps({"columns": {"first": "givenName"}, "dryRun": True})
CONTENT = os.urandom(3_000_000)


def file(content=CONTENT):
    return (BytesIO(content), "people.csv", "text/csv")


def form(config=CONFIG, content=b"a,b", boundary="x", end="--"):
    """A form as it travels, for what a well-behaved client would not send."""
    return (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="config"\r\n\r\n{config}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
        ).encode()
        + content
        + f"\r\n--{boundary}{end}\r\n".encode()
    )


def reasons(answer):
    return [(one["field"], one["reason"]) for one in answer.get_json()["errors"]]


@pytest.mark.parametrize("order", [("config", "file"), ("file", "config")])
def test_a_file_arrives_whole_in_pieces_whatever_comes_first(edge, order):
    parts = {"config": CONFIG, "file": file()}

    answer = edge.client.post(IMPORT, data={name: parts[name] for name in order})

    assert answer.status_code == 200
    assert answer.get_json()["name"].startswith("operations/contacts.")
    assert edge.contacts.uploaded == hashlib.sha256(CONTENT).digest()
    assert max(edge.contacts.sizes) <= 65_536
    assert dict(edge.contacts.asked[0].config.columns) == {"first": "givenName"}
    assert edge.contacts.asked[0].config.dry_run


def test_a_configuration_may_be_a_part_of_its_own_type(edge):
    config = (BytesIO(CONFIG.encode()), "config.json", "application/json")

    answer = edge.client.post(IMPORT, data={"config": config, "file": file()})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("parts", "faults"),
    [
        ({"file": b"a"}, [("config", "MISSING_PART")]),
        ({"config": CONFIG}, [("file", "MISSING_PART")]),
        ({"config": "{", "file": b"a"}, [("config", "MALFORMED_JSON")]),
        (
            {"config": '{"columns": 5, "colums": {}}', "file": b"a"},
            [("config.columns", "WRONG_TYPE"), ("config.colums", "UNKNOWN_FIELD")],
        ),
        ({"config": CONFIG, "more": "x", "file": b"a"}, [("more", "UNKNOWN_FIELD")]),
    ],
)
def test_a_form_that_is_not_as_described_is_refused(edge, parts, faults):
    data = {
        name: file(value) if isinstance(value, bytes) else value for name, value in parts.items()
    }

    answer = edge.client.post(IMPORT, data=data, content_type="multipart/form-data")

    assert (answer.status_code, reasons(answer)) == (400, faults)


def test_an_upload_takes_no_parameter_that_it_does_not_know(edge):
    answer = edge.client.post(f"{IMPORT}?dryRun=true", data={"config": CONFIG, "file": file()})

    assert (answer.status_code, reasons(answer)) == (400, [("dryRun", "UNKNOWN_PARAMETER")])
    assert answer.get_json()["errors"][0]["in"] == "query"
    assert not edge.contacts.uploaded


def test_a_part_without_a_name_is_told_of_like_any_other(edge):
    nameless = form().replace(b'; name="config"', b"", 1)

    answer = edge.client.post(IMPORT, data=nameless, content_type=f"{FORM}; boundary=x")

    assert (answer.status_code, reasons(answer)) == (400, [("", "UNKNOWN_FIELD")])


def test_a_form_that_ends_too_early_is_no_shorter_file(edge):
    answer = edge.client.post(
        IMPORT, data=form(end="")[:-10], content_type="multipart/form-data; boundary=x"
    )

    assert (answer.status_code, reasons(answer)) == (400, [("", "MALFORMED_FORM")])
    assert not edge.contacts.uploaded


def test_what_is_no_form_is_refused(edge):
    garbage = edge.client.post(IMPORT, data=b"x", content_type="multipart/form-data; boundary=x")
    without = edge.client.post(IMPORT, data=form(), content_type="multipart/form-data")
    json_body = edge.client.post(IMPORT, json={})

    assert [one.status_code for one in (garbage, without, json_body)] == [400, 415, 415]


def test_a_service_that_refuses_at_once_is_not_sent_the_rest(edge):
    edge.contacts.refusal = TooLarge("There is no room.")

    answer = edge.client.post(IMPORT, data={"config": CONFIG, "file": file(CONTENT * 10)})

    assert (answer.status_code, answer.get_json()["reason"]) == (413, "TOO_LARGE")
    assert answer.headers["Connection"] == "close"


def test_a_rule_that_the_configuration_breaks_is_told_where_it_stands(edge):
    answer = edge.client.post(IMPORT, data={"config": '{"columns": {}}', "file": file()})

    assert answer.status_code == 400
    assert [one["field"] for one in answer.get_json()["errors"]] == ["config.columns"]


def test_a_download_gives_all_pieces(edge):
    edge.operations.pieces = [b"a,b\n", b"1,2\n" * 10_000, b"3,4\n"]

    answer = edge.client.get(BAD_ROWS)

    assert (answer.status_code, answer.content_type) == (200, "text/csv")
    assert answer.data == b"".join(edge.operations.pieces)
    assert answer.headers["Content-Disposition"] == "attachment"


def test_a_download_that_breaks_does_not_look_whole(edge):
    edge.operations.pieces, edge.operations.breaks = [b"a"], True

    with pytest.raises(Exception, match=r"INTERNAL|wrong"):
        edge.client.get(BAD_ROWS).get_data()


def test_a_download_of_nothing_that_there_is_is_refused(edge):
    wrong = edge.client.get("/v1/operations/contacts.x:badRows")
    elsewhere = edge.client.get(BAD_ROWS.replace("contacts", "elsewhere"))

    assert (wrong.status_code, elsewhere.status_code) == (400, 404)
    assert [one["field"] for one in wrong.get_json()["errors"]] == ["operation"]


def test_an_upload_that_the_service_finds_wrong_is_told_so(edge):
    edge.contacts.refusal = Invalid("The file has no header.", reason="NO_HEADER")

    answer = edge.client.post(IMPORT, data={"config": CONFIG, "file": file(b"")})

    assert (answer.status_code, answer.get_json()["reason"]) == (400, "NO_HEADER")
