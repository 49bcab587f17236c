"""Contacts are taken over from files: every good row, once, and every bad one with its reason."""

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from threading import Event

import pytest
from crm.contacts.v1 import contacts_pb2
from pymongo.client_session import ClientSession
from pymongo.errors import AutoReconnect

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, TooLarge
from crm_chassis.kernel.ids import id_of, new_id
from crm_chassis.mongo import operations
from crm_chassis.mongo.operations import claim
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_chassis.working.operations import Operations
from crm_chassis.working.timers import Timers
from crm_contacts.contacts.commands import create_contact, delete_contact
from crm_contacts.contacts.documents import Contact
from crm_contacts.imports import commands, jobs
from crm_contacts.imports.commands import import_contacts
from crm_contacts.imports.queries import bad_rows_of
from crm_contacts.testing import a_contact, an_organization
from crm_contacts.worker import OPERATIONS, TIMERS

Request = contacts_pb2.ImportContactsRequest
NAMES = {"id": "externalIds.erp", "first": "givenName", "last": "familyName"}


@pytest.fixture(autouse=True)
def call(_call) -> Iterator[None]:
    with call_scope(a_call(collection="contacts", action="BULK")):
        yield


def requests(content: bytes, columns=None, **config) -> Iterator[Request]:
    yield Request(config={"columns": columns or NAMES, **config})
    for begin in range(0, len(content), 65536):
        yield Request(chunk=content[begin : begin + 65536])


def upload(content: str | bytes, columns=None, **config) -> str:
    data = content.encode() if isinstance(content, str) else content
    return id_of(import_contacts(requests(data, columns, **config)).name)


def run(stop: Event | None = None) -> None:
    worker = Operations(OPERATIONS, stop or Event())
    while not worker.stop.is_set() and worker.carry_on_one():
        pass


def imported(content: str | bytes, columns=None, **config):
    operation_id = upload(content, columns, **config)
    run()
    return operations.to_message(operations.find(operation_id))


def counts(operation) -> dict[str, int]:
    names = ("created", "updated", "skipped", "failed")
    return {name: int(operation.response[name]) for name in names if operation.response[name]}


def bad_rows(operation) -> list[list[str]]:
    row = operations.find(id_of(operation.name))
    text = b"".join(bad_rows_of(row)).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def contacts(**match) -> list[Contact]:
    return [Contact.of_row(row) for row in Contact.rows().find(match, sort={"_id": 1})]


def rows(count: int, start: int = 0) -> str:
    lines = [f"{number},Ann{number},Lee\n" for number in range(start, start + count)]
    return "id,first,last\n" + "".join(lines)


def test_every_row_becomes_a_contact_with_its_event_and_receipt(database):
    operation = imported(" id , first,last \n1, Ann ,Lee\n2,Bob,\n")

    assert operation.done
    assert counts(operation) == {"created": 2}
    figures = operation.metadata
    assert (figures.total, figures.processed, figures.succeeded, figures.failed) == (2, 2, 2, 0)
    assert [contact.display_name for contact in contacts()] == ["Ann Lee", "Bob"]
    events = list(database["events"].find())
    assert [event["type"] for event in events] == ["crm.contacts.contact.created.v1"] * 2
    assert {event["causationid"] for event in events} == {operation.name}
    receipts = list(database["receipts"].find({"method": "operation/contacts:import"}))
    promised = [[told["id"] for told in receipt["events"]] for receipt in receipts]
    assert sorted(promised) == sorted([event["_id"]] for event in events)


EVERYTHING = {
    "id": "externalIds.erp",
    "given": "givenName",
    "mail": "emails[0].address",
    "kind": "emails[0].kind",
    "tel": "phones[0].number",
    "born": "birthDate",
    "street": "addresses[0].addressLines[0]",
    "zip": "addresses[0].postalCode",
    "org": "positions[0].organization",
    "stage": "lifecycleStage",
    "tag": "tags[0]",
    "lang": "languageCode",
}


def test_an_imported_contact_is_what_the_api_would_have_made(database):
    organization = an_organization()
    line = f"7,Ann,ann@Example.COM,work,+41446681800,19900102,Weg 1,8001,{organization.name}"

    operation = imported(",".join(EVERYTHING) + f"\n{line},lead,vip,de-CH\n", EVERYTHING)
    made = in_transaction(
        create_contact,
        Contact(
            given_name="Ann",
            emails=[{"address": "ann@Example.COM", "kind": "WORK"}],
            phones=[{"number": "+41446681800"}],
            birth_date="1990-01-02",
            addresses=[{"address_lines": ["Weg 1"], "postal_code": "8001"}],
            positions=[{"organization": organization.name}],
            lifecycle_stage="LEAD",
            tags=["vip"],
            language_code="de-CH",
            external_ids={"erp": "8"},
        ),
    )

    assert counts(operation) == {"created": 1}
    [row, other] = database["contacts"].find(sort={"_id": 1})
    own = {"_id", "create_time", "update_time", "external_ids", "terms"}
    assert other["_id"] == made.id
    assert {name: row[name] for name in row.keys() - own} == {
        name: other[name] for name in other.keys() - own
    }
    assert set(row["terms"]) ^ set(other["terms"]) == {"7", "8"}


def test_bad_rows_never_cost_good_ones_and_can_be_downloaded_with_their_reasons():
    columns = {**NAMES, "mail": "emails[0].address", "born": "birthDate"}
    content = (
        "id,first,last,mail,born\n"
        "1,Ann,Lee,ann@example.com,19900102\n"
        "2,Bob,,not an address,\n"
        '3,=HYPERLINK("x"),,,19900231\n'
        "4,,,,1990-01-02\n"
        "5,Cid,,,,,extra\n"
        '6,"Dan\n'
        "1,Eve\n"
        "8,Fay\n"
    )

    operation = imported(content, columns)

    assert counts(operation) == {"created": 2, "failed": 6}
    assert [contact.given_name for contact in contacts()] == ["Ann", "Fay"]
    header, *bad = bad_rows(operation)
    assert header == ["id", "first", "last", "mail", "born", "", "", "reason"]
    assert {len(row) for row in bad} == {len(header)}
    assert [row[0] for row in bad] == ["2", "3", "4", "5", "6", "1"]
    reasons = [row[-1] for row in bad]
    assert reasons[0].startswith("emails[0].address ")
    assert "UNKNOWN_CALENDAR_DAY" in reasons[1]
    assert bad[1][1] == '\'=HYPERLINK("x")'
    assert "NAMELESS" in reasons[2]
    assert "TOO_MANY_CELLS" in reasons[3]
    assert "MALFORMED" in reasons[4]
    assert reasons[5] == "externalIds.erp is another contact's (ALREADY_EXISTS)"
    assert operation.response["errorsUri"] == f"/v1/{operation.name}:badRows"


def test_bad_rows_that_were_mended_can_be_imported_as_they_were_downloaded():
    operation = imported("id,first,last\n1,=A,\n2,,\n")
    [_, [*cells, _reason]] = bad_rows(operation)

    again = imported(f"id,first,last\n{cells[0]},'=B,\n")

    assert counts(again) == {"created": 1}
    assert [contact.given_name for contact in contacts()] == ["=A", "=B"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_of_all_kinds_are_read(encoding, delimiter):
    text = rows(3).replace("Lee", "Müller-Lefèvre").replace(",", delimiter)

    operation = imported(text.replace("\n", "\r\n").encode(encoding))

    assert counts(operation) == {"created": 3}
    assert {contact.family_name for contact in contacts()} == {"Müller-Lefèvre"}


def test_a_file_of_three_hundred_columns_is_read():
    names = [f"column{number}" for number in range(300)]
    columns = {names[299]: "givenName", names[0]: "externalIds.erp"}
    content = ",".join(names) + "\n" + ",".join(str(number) for number in range(300)) + "\n"

    imported(content, columns)

    [contact] = contacts()
    assert (contact.given_name, contact.external_ids) == ("299", {"erp": "0"})


def test_a_huge_row_is_kept_cut(database):
    names = ["first", *(f"column{number}" for number in range(199))]
    content = ",".join(names) + "\n" + ",".join(["x" * 100_000] * 200) + "\ny\n"

    operation = imported(content, {"first": "givenName"})

    assert counts(operation) == {"created": 1, "failed": 1}
    assert {len(cell) for cell in bad_rows(operation)[1][:-1]} == {1000}


@pytest.mark.parametrize("content", ["", " \n\r\n", "\ufeff", ",,\n"])
def test_an_empty_file_is_refused_at_once_and_leaves_nothing(database, content):
    with pytest.raises(Invalid) as refused:
        upload(content)

    assert [(flaw.field, flaw.reason) for flaw in refused.value.flaws] == [("file", "EMPTY_FILE")]
    assert database["operations"].count_documents({}) == 0
    assert database["imports.chunks"].count_documents({}) == 0


def test_a_column_that_is_not_in_the_file_is_refused_at_once():
    with pytest.raises(Invalid) as refused:
        upload("id,first\n1,Ann\n")

    assert [flaw.field for flaw in refused.value.flaws] == ["config.columns.last"]


def test_a_file_with_a_header_only_makes_nothing():
    operation = imported("id,first,last\n")

    assert operation.done
    assert counts(operation) == {}


def test_a_file_that_is_too_large_is_refused_on_its_way(database):
    def endless() -> Iterator[Request]:
        yield Request(config={"columns": NAMES})
        yield Request(chunk=b"id,first,last\n")
        for _ in range(commands.LARGEST // 2**20 + 1):
            yield Request(chunk=b"x" * 2**20)
        raise AssertionError("read on")

    with pytest.raises(TooLarge):
        import_contacts(endless())

    assert database["imports.chunks"].count_documents({}) == 0


def test_a_file_stays_when_nobody_knows_whether_its_operation_is_there(monkeypatch):
    commit, commits = ClientSession.commit_transaction, []

    def commit_and_lose_the_answer(session):
        commit(session)
        commits.append(session)
        if len(commits) == 2:
            raise AutoReconnect("away")

    monkeypatch.setattr(ClientSession, "commit_transaction", commit_and_lose_the_answer)
    with pytest.raises(AutoReconnect):
        upload("id,first,last\n1,Ann,Lee\n")
    monkeypatch.undo()
    run()

    assert [contact.given_name for contact in contacts()] == ["Ann"]


def test_the_configuration_comes_first_and_once():
    with pytest.raises(Invalid) as missing:
        import_contacts([Request(chunk=b"id\n")])
    with pytest.raises(Invalid) as repeated:
        import_contacts([*requests(b""), *requests(b"")])
    with pytest.raises(Invalid):
        import_contacts([])

    assert [flaw.reason for flaw in missing.value.flaws] == ["REQUIRED"]
    assert [flaw.reason for flaw in repeated.value.flaws] == ["REPEATED"]


def test_create_leaves_out_rows_that_match():
    a_contact(external_ids={"erp": "1"})
    gone = a_contact(external_ids={"erp": "2"})
    in_transaction(delete_contact, gone.name, "")

    operation = imported(rows(2, 1) + "2,Again,\n", match_by=["externalIds.erp"])

    assert counts(operation) == {"created": 1, "skipped": 2}


def test_without_a_match_an_external_id_is_still_one_contact_only():
    a_contact(external_ids={"erp": "1"})

    operation = imported(rows(2, 1) + "2,Again,\n")

    assert counts(operation) == {"created": 1, "failed": 2}


def test_update_changes_only_what_the_row_names(database):
    contact = a_contact(external_ids={"erp": "1"}, tags=["vip"], given_name="Old")
    same = a_contact(external_ids={"erp": "2"}, given_name="Ann2", family_name="Lee")

    operation = imported(
        "id,first,last\n1,Ann1,\n2,Ann2,Lee\n3,Ann3,Lee\n",
        mode="UPDATE",
        match_by=["externalIds.erp"],
    )

    assert counts(operation) == {"updated": 1, "skipped": 2}
    [changed, unchanged] = contacts()
    assert (changed.given_name, changed.family_name) == ("Ann1", contact.family_name)
    assert (changed.tags, changed.version) == (["vip"], 2)
    assert unchanged.version == same.version
    event = database["events"].find_one({"sequence": 2})
    assert event["paths"] == ["displayName", "givenName"]


def test_upsert_changes_what_matches_and_makes_the_rest_within_one_file_too():
    a_contact(emails=[{"address": "ann@example.com"}], given_name="Old")
    columns = {"first": "givenName", "mail": "emails[0].address"}

    operation = imported(
        "first,mail\nAnn,ann@EXAMPLE.com\nBob,bob@example.com\nBobby,bob@example.com\n",
        columns,
        mode="UPSERT",
        match_by=["emails.address"],
    )

    assert counts(operation) == {"created": 1, "updated": 2}
    assert [contact.given_name for contact in contacts()] == ["Ann", "Bobby"]


def test_a_row_is_matched_by_number_as_well_and_never_by_several():
    a_contact(phones=[{"number": "+41446681800"}], given_name="Ann")
    for _ in range(2):
        a_contact(phones=[{"number": "+41446681801"}], given_name="Twin")
    columns = {"first": "givenName", "tel": "phones[0].number"}

    operation = imported(
        "first,tel\nAnna,+41446681800\nBob,+41446681801\n",
        columns,
        mode="UPSERT",
        match_by=["phones.number"],
    )

    assert counts(operation) == {"updated": 1, "failed": 1}
    assert "AMBIGUOUS_MATCH" in bad_rows(operation)[1][-1]


def test_two_rows_that_match_one_contact_change_it_one_after_the_other(database):
    contact = a_contact(external_ids={"erp": "1"}, emails=[{"address": "ann@example.com"}])
    columns = {"id": "externalIds.erp", "mail": "emails[0].address", "last": "familyName"}

    operation = imported(
        "id,mail,last\n1,,Lee\n,ann@example.com,Kim\n",
        columns,
        mode="UPDATE",
        match_by=["externalIds.erp", "emails.address"],
    )

    assert counts(operation) == {"updated": 2}
    [changed] = contacts()
    assert (changed.id, changed.family_name, changed.version) == (contact.id, "Kim", 3)
    names = [event["data"]["familyName"] for event in database["events"].find(sort={"_id": 1})]
    assert names == ["Miller", "Lee", "Kim"]


def test_an_id_that_changes_is_free_for_others_afterwards():
    a_contact(external_ids={"erp": "1"}, emails=[{"address": "ann@example.com"}])
    columns = {"id": "externalIds.erp", "mail": "emails[0].address"}

    operation = imported(
        "id,mail\n2,ann@example.com\n", columns, mode="UPDATE", match_by=["emails.address"]
    )

    assert counts(operation) == {"updated": 1}
    assert a_contact(external_ids={"erp": "1"}).version == 1
    assert counts(imported(rows(1, 2))) == {"failed": 1}


def test_an_update_that_breaks_a_rule_is_a_bad_row():
    a_contact(external_ids={"erp": "1"}, emails=[{"address": "ann@example.com"}])
    columns = {"id": "externalIds.erp", "mail": "emails[0].address"}

    operation = imported(
        "id,mail\n1,nothing\n", columns, mode="UPDATE", match_by=["externalIds.erp"]
    )

    assert counts(operation) == {"failed": 1}


def test_nobody_changes_or_meets_what_they_may_not_see():
    a_contact(external_ids={"erp": "1"}, given_name="Secret")
    own = a_principal("OWN")
    with call_scope(a_call(own, "contacts", "BULK")):
        operation = imported(rows(2, 1), mode="UPSERT", match_by=["externalIds.erp"])

    assert counts(operation) == {"created": 1, "failed": 1}
    assert [contact.given_name for contact in contacts()] == ["Secret", "Ann2"]
    assert contacts()[1].owner == own.user


def test_an_organization_that_is_not_there_is_a_bad_row():
    columns = {"first": "givenName", "org": "positions[0].organization"}
    known, unknown = an_organization().name, f"organizations/{new_id()}"

    operation = imported(f"first,org\nAnn,{known}\nBob,{unknown}\nCid,\n", columns)

    assert counts(operation) == {"created": 2, "failed": 1}
    assert "REFERENCE_NOT_FOUND" in bad_rows(operation)[1][-1]


@pytest.mark.parametrize("mode", ["CREATE", "UPSERT"])
def test_a_dry_run_tells_what_would_be_and_changes_nothing(database, mode, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_ROWS", 2)
    a_contact(external_ids={"erp": "1"}, given_name="Old")
    match_by = ["externalIds.erp"] if mode == "UPSERT" else []
    content = rows(4, 1) + "2,Again,\n,,\n5,,\n"
    before = list(database["events"].find())

    dry = imported(content, mode=mode, match_by=match_by, dry_run=True)
    assert list(database["events"].find()) == before
    wet = imported(content, mode=mode, match_by=match_by)

    assert counts(dry) == counts(wet)
    assert [row[0] for row in bad_rows(dry)] == [row[0] for row in bad_rows(wet)]


def test_an_import_goes_on_at_its_last_batch_whoever_takes_it_up(database, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_ROWS", 10)
    operation_id = upload(rows(95) + "x,,\n")
    seen = []
    for _ in range(4):
        # Two steps each, then the worker is gone without a word.
        database["operations"].update_one({}, {"$set": {"ready": now()}})
        operation = claim([commands.IMPORT])
        with call_scope(operation.call), closing(jobs.run_import(operation)) as steps:
            for step in islice(steps, 2):
                operation = in_transaction(
                    lambda tx, step=step, held=operation: operations.advance(tx, held, step(tx))
                )
        seen.append(operation.processed)

    database["operations"].update_one({}, {"$set": {"ready": now()}})
    run()

    found = operations.to_message(operations.find(operation_id))
    assert seen == [10, 30, 50, 70]
    assert counts(found) == {"created": 95, "failed": 1}
    assert found.metadata.processed == 96
    assert database["contacts"].count_documents({}) == 95
    assert database["events"].count_documents({}) == 95
    assert [row[0] for row in bad_rows(found)] == ["id", "x"]


def test_a_cancelled_import_keeps_what_it_made(database, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_ROWS", 10)
    operation_id = upload(rows(50))
    store = jobs.store_batch

    def cancel_then_store(*arguments):
        if database["contacts"].count_documents({}) == 20:
            operations.request_cancel(operation_id)
        return store(*arguments)

    monkeypatch.setattr(jobs, "store_batch", cancel_then_store)

    run()

    found = operations.to_message(operations.find(operation_id))
    assert found.error.reason == "CANCELLED"
    assert database["contacts"].count_documents({}) == found.metadata.processed < 50


def test_the_file_is_taken_away_when_the_import_has_ended(database):
    upload(rows(3))
    timers = Timers("contacts", TIMERS)
    assert not timers.fire_one()
    database["timers"].update_many({}, {"$set": {"ready": now()}})
    timers.fire_one()
    assert database["imports.chunks"].count_documents({}) == 1

    run()
    database["timers"].update_many({}, {"$set": {"ready": now()}})
    timers.fire_one()

    assert database["imports.chunks"].count_documents({}) == 0
    assert database["imports.files"].count_documents({}) == 0
    assert database["timers"].count_documents({}) == 0
