"""One customer, end to end: through REST, gRPC, the log, the broker and back into one view."""

from contract.whole import search_for, view_of

from crm_chassis.testing.waiting import wait_until


def test_a_contact_is_posted_stored_published_and_seen_in_timeline_and_view(admin, word):
    contact = admin.post("/v1/contacts", {"givenName": "Ann", "familyName": word}).ok()
    name = contact["name"]

    entries = wait_until(lambda: admin.get(f"/v1/{name}:timeline").ok()["entries"])
    view = view_of(admin, name)

    assert view["complete"] is True
    assert contact["etag"] == '"1"'
    assert [entry["type"] for entry in entries] == ["crm.contacts.contact.created.v1"]
    assert view["sections"]["profile"]["data"] == admin.get(f"/v1/{name}").ok()
    assert view["sections"]["timeline"]["data"]["entries"] == entries
    assert [found["name"] for found in search_for(admin, word)["results"]] == [name]


def test_the_view_of_the_past_shows_what_was_known_then(admin, word):
    contact = admin.post("/v1/contacts", {"givenName": word}).ok()
    name, then = contact["name"], contact["updateTime"]
    admin.patch(name, {"givenName": "Other"}, contact["etag"]).ok()
    admin.post(
        f"/v1/{name}/interactions",
        {"channel": "PHONE", "direction": "INBOUND", "subject": "Hello"},
    ).ok()

    wait_until(lambda: len(admin.get(f"/v1/{name}:timeline").ok()["entries"]) == 3)
    view = view_of(admin, name, readTime=then)

    assert view["sections"]["profile"]["data"]["givenName"] == word
    assert view["sections"]["interactions"]["data"]["interactions"] == []
    assert len(view["sections"]["timeline"]["data"]["entries"]) == 1
    assert view["sections"]["insights"]["data"]["interactionCount"] == 0


def test_the_ledger_of_the_last_hour_has_no_difference(admin):
    admin.post("/v1/contacts", {"givenName": "Ann"}).ok()
    span = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2100-01-01T00:00:00Z"}

    def settled():
        # What takes longer than half a minute, on a busy machine, is a difference until then.
        ledger = admin.post("/v1/ledger:reconcile", span).ok()
        return ledger if ledger["inFlight"] == ledger["difference"] == 0 else None

    ledger = wait_until(settled, what="every event to be archived")

    sources = {source["source"]: source for source in ledger["sources"]}
    assert sources["contacts"]["accepted"] == sources["contacts"]["archived"] > 0
