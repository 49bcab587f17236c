"""One deal, end to end: won by sales, it makes a customer of whoever had a say in it."""

from contract.whole import view_of

from crm_chassis.testing.waiting import wait_until


def test_a_won_deal_makes_a_customer_and_counts_in_insights_and_key_figures(admin, word):
    contact = admin.post("/v1/contacts", {"givenName": "Ann", "familyName": word}).ok()["name"]
    amount = {"currencyCode": "CHF", "units": "1250", "nanos": 500_000_000}
    body = {"displayName": word, "contacts": [{"contact": contact}], "amount": amount}
    deal = admin.post("/v1/deals", body).ok()["name"]

    won = admin.post(f"/v1/{deal}:win").ok()

    wait_until(lambda: admin.get(f"/v1/{contact}").ok().get("lifecycleStage") == "CUSTOMER")
    sections = view_of(admin, contact)["sections"]
    assert sections["deals"]["data"] == {"deals": [won], "totalSize": 1}
    wait_until(lambda: insights_of(admin, contact)["wonAmounts"] == [amount])
    values = admin.get("/v1/kpis/won-amount:values").ok()["values"]
    today = [value for value in values if value["currencyCode"] == "CHF"][-1]
    assert float(today["value"]) >= 1250.5
    history = admin.get(f"/v1/{contact}:history").ok()["changes"]
    assert history[0]["actor"] == "services/contacts"


def insights_of(admin, contact):
    return view_of(admin, contact, sections="insights")["sections"]["insights"]["data"]
