"""`crmctl import contacts`: the file goes up in pieces, and rows that were not taken come back."""

import json

import pytest

OPERATION = "operations/contacts.0190"
CSV = b"first,last\nAnn,Miller\n,\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    return path


@pytest.fixture
def uploaded(api):
    """What an upload carried."""
    found = {}

    def take(request):
        found["config"] = json.loads(
            request.files["config"].read() if "config" in request.files else request.form["config"]
        )
        found["file"] = request.files["file"].read()
        found["key"] = request.headers["Idempotency-Key"]
        found["length"] = request.headers["Content-Length"]
        return {"name": OPERATION, "done": False, "metadata": {"total": 2, "processed": 0}}

    api.put("POST /v1/contacts:import", take)
    return found


def done(**response):
    told = {"created": 0.0, "updated": 0.0, "skipped": 0.0, "failed": 0.0, "errorsUri": ""}
    return {"name": OPERATION, "done": True, "response": {**told, **response}}


def test_the_file_and_its_mapping_go_up_and_the_counts_come_back(api, crmctl, file, uploaded):
    api.put(f"GET /v1/{OPERATION}", done(created=2.0))

    ran = crmctl(
        "import",
        "contacts",
        str(file),
        "--map",
        "first=givenName",
        "last=emails[0].address",
        "--mode",
        "upsert",
        "--match-by",
        "externalIds.erp",
    )

    assert (ran.code, ran.said) == (0, "created 2, updated 0, skipped 0, failed 0\n")
    assert uploaded["file"] == CSV
    assert uploaded["key"].startswith("crmctl-")
    assert uploaded["config"] == {
        "columns": {"first": "givenName", "last": "emails[0].address"},
        "mode": "UPSERT",
        "matchBy": ["externalIds.erp"],
        "dryRun": False,
    }


def test_a_dry_run_says_what_would_be(api, crmctl, file, uploaded):
    api.put(f"GET /v1/{OPERATION}", done(created=2.0))

    ran = crmctl("import", "contacts", str(file), "--map", "first=givenName", "--dry-run")

    assert ran.said.startswith("would be: created 2")
    assert uploaded["config"]["dryRun"] is True


@pytest.mark.parametrize("prefix", ["", "/v1/", "{url}/v1/"])
def test_rows_that_were_not_taken_are_kept_beside_the_file(api, crmctl, file, uploaded, prefix):
    address = prefix.format(url=api.url) + f"{OPERATION}:badRows"
    address = address if prefix else f"/v1/{address}"
    api.put(f"GET /v1/{OPERATION}", done(created=1.0, failed=1.0, errorsUri=address))
    api.put(f"GET /v1/{OPERATION}:badRows", b"first,last,reason\n,,NAMELESS\n")

    ran = crmctl("import", "contacts", str(file), "--map", "first=givenName")

    kept = file.with_name("people.bad-rows.csv")
    assert ran.code == 1
    assert str(kept) in ran.said
    assert kept.read_bytes() == b"first,last,reason\n,,NAMELESS\n"


def test_the_key_is_not_sent_to_another_place(api, crmctl, file, uploaded):
    elsewhere = "http://127.0.0.1:9/v1/operations/x:badRows"
    api.put(f"GET /v1/{OPERATION}", done(failed=1.0, errorsUri=elsewhere))

    ran = crmctl("import", "contacts", str(file), "--map", "first=givenName")

    assert ran.code == 4
    assert "is not at" in ran.complained


def test_an_import_that_failed_as_a_whole_says_why(api, crmctl, file, uploaded):
    error = {"reason": "CANCELLED", "detail": "Somebody stopped it."}
    api.put(f"GET /v1/{OPERATION}", {"name": OPERATION, "done": True, "error": error})

    ran = crmctl("import", "contacts", str(file), "--map", "first=givenName")

    assert ran.code == 1
    assert "Somebody stopped it. (CANCELLED)" in ran.complained


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.csv", "--map", "a=b"], "there is no file missing.csv"),
        (["{file}", "--map", "givenName"], "is not COLUMN=FIELD"),
        (["{file}"], "--map"),
        (["{file}", "--map", "a=givenName", "a=familyName"], "a column is mapped twice"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_is_sent(
    api, crmctl, file, arguments, words
):
    ran = crmctl("import", "contacts", *(word.format(file=file) for word in arguments))

    assert ran.code == 2
    assert words in ran.complained
    assert api.asked == []
