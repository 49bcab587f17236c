"""One case, end to end: from the customer's first word to the view and the timeline."""

from contract.whole import search_for, view_of

from crm_chassis.testing.waiting import wait_until


def test_a_case_and_its_messages_are_in_the_timeline_and_the_view_of_its_customer(admin, word):
    contact = admin.post("/v1/contacts", {"givenName": word}).ok()["name"]
    case = admin.post("/v1/cases", {"subject": word, "contact": contact}).ok()
    name = case["name"]
    admin.post(f"/v1/{name}/messages", {"kind": "CUSTOMER", "body": "It does not print."}).ok()
    replied = admin.post(f"/v1/{name}:reply", {"body": "Have you tried?"}).ok()

    def told():
        entries = admin.get(f"/v1/{contact}:timeline").ok()["entries"]
        return entries if len(entries) == 5 else None

    entries = wait_until(told, what="the timeline")
    view = view_of(admin, contact)["sections"]
    results = search_for(admin, word)["results"]

    assert sorted((entry["type"].split(".")[-3], entry["summary"]) for entry in entries) == [
        ("case", word),
        ("case", word),
        ("contact", ""),
        ("message", word),
        ("message", word),
    ]
    assert (replied["state"], replied["firstResponseTarget"]) == ("PENDING", "MET")
    assert view["cases"]["data"] == {"cases": [admin.get(f"/v1/{name}").ok()], "totalSize": 1}
    assert view["insights"]["data"]["openCaseCount"] == 1
    assert {result["name"] for result in results} == {contact, name}


def test_a_case_shows_how_its_customer_is_called_today(admin, word):
    contact = admin.post("/v1/contacts", {"givenName": "Ann"}).ok()
    case = admin.post("/v1/cases", {"subject": "Paper jam", "contact": contact["name"]}).ok()
    assert case["customerDisplayNames"] == {contact["name"]: "Ann"}

    admin.patch(contact["name"], {"givenName": word}, contact["etag"]).ok()

    def shown():
        return admin.get(f"/v1/{case['name']}").ok()

    wait_until(lambda: shown()["customerDisplayNames"] == {contact["name"]: word})
    assert shown()["etag"] == case["etag"]


def test_numbers_ascend(admin):
    numbers = [admin.post("/v1/cases", {"subject": "Next"}).ok()["number"] for _ in range(5)]

    assert numbers == sorted(set(numbers))
