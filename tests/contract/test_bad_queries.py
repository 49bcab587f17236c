"""Bad questions get a precise error: every parameter of every read, filters, orders and pages."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from contract.examples import Made, collection_path, examples, make, resources
from contract.mailings import a_delivery, a_member
from contract.problems import places, problem
from google.api import annotations_pb2
from google.protobuf.descriptor import FieldDescriptor

from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.shape import Kind, fields_of
from crm_chassis.testing.protos import declared_rpcs

SPAN = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-01T01:00:00Z"}
NEEDED = {"SearchContacts": {"query": "x"}, "SearchService": {"query": "x"}}
NEEDED["ListLedgerEntries"] = SPAN
# A good value for what a path names, and bad ones: nothing is looked for by those.
BAD_IDS = ("abc", "0190b0c4", "%00", "%ff", "..%2e", "x" * 300, "0190b0c4-0000-7000-8000-x")
BAD_SIZES = ("x", "1.5", "-1", "", "1e3", "99999999999999999999", " 1", "0x10", "١")
BAD_FLAGS = ("yes", "1", "TRUE", "", "null")
BAD_MOMENTS = ("yesterday", "2026-02-30T00:00:00Z", "", "2026-05-03", "1767225600")
FUTURE = "2199-01-01T00:00:00Z"
DEEP = "(" * 33 + "a = 1" + ")" * 33
BAD_FILTERS = (
    "name",
    "= 1",
    "name =",
    'name = "x',
    "(name = x",
    "name = x)",
    "name = x AND",
    "AND name = x",
    "name == x",
    "name = x OR",
    "NOT",
    "name ~ x",
    "name = (x)",
    '"name" = x',
    "name < x",
    DEEP,
    "\\",
    "'",
    "\u0000",
)
UNKNOWN_FIELDS = (
    "nope = 1",
    "NAME = x",
    "version = 1",
    "_id = x",
    "container = x",
    "words = x",
    "$where = 1",
    "name.x = 1",
    "etag = x",
    "create_time = x",
    "externalIds.__proto__ = 1",
    "externalIds = 1",
)
BAD_ORDERS = ("nope", "etag", "createTime upwards", "createTime,,", ",", "createTime desc asc")
BAD_ORDERS = (*BAD_ORDERS, "create_time", "-createTime", "createTime,createTime desc", "$natural")


@dataclass(frozen=True)
class Read:
    """A read: its RPC, and its path with `{}` for what may be bad in it."""

    name: str
    path: str
    fields: dict[str, FieldDescriptor]

    def __str__(self) -> str:
        return self.name


def reads() -> Iterator[Read]:
    for rpc in declared_rpcs():
        option = rpc.method.GetOptions().Extensions[annotations_pb2.http]
        if option.WhichOneof("pattern") == "get":
            fields = {field.json_name: field for field in rpc.method.input_type.fields}
            yield Read(rpc.method.name, rpc.path, fields)


READS = list(reads())
LISTS = [read for read in READS if "filter" in read.fields]
PAGED = [read for read in READS if "pageToken" in read.fields]


@pytest.fixture(scope="module")
def made(suite) -> Made:
    return make(suite.client())


@pytest.fixture(scope="module")
def there(suite, made) -> dict[str, str]:
    """The name of one resource of each collection."""
    admin = suite.client()
    found = {}
    for name in resources():
        one = admin.post(collection_path(name, made), examples(made)[name]).ok()["name"]
        found[one.rsplit("/", 2)[-2]] = one
    found["kpis"] = "kpis/new-contacts"
    found["members"] = a_member(admin, found["audiences"])
    found["deliveries"] = a_delivery(admin)
    found["operations"] = f"operations/contacts.{new_id()}"
    found["deadLetters"] = f"deadLetters/analytics.{new_id()}"
    return found


@pytest.fixture
def ask(admin, there):
    """Asks one read, of what is there, with parameters beside those that it needs."""

    def ask_read(read: Read, **query: Any):
        return admin.get(path_of(read, there), **{**NEEDED.get(read.name, {}), **query})

    return ask_read


def path_of(read: Read, there: dict[str, str]) -> str:
    path = read.path.replace("{service}", service_of(read))
    head, brace, rest = path.partition("{")
    if not brace:
        return path
    pattern, _, tail = rest.partition("=")[2].partition("}")
    return head + there[pattern.rsplit("/", 2)[-2]] + tail


def service_of(read: Read) -> str:
    return "analytics" if "eadLetters" in read.path else "contacts"


@pytest.mark.parametrize("read", READS, ids=str)
def test_no_read_takes_a_parameter_that_it_does_not_know(ask, read):
    assert places(ask(read, nope="1")) == {("nope", "query", "UNKNOWN_PARAMETER")}
    for name in [field.name for field in read.fields.values() if "_" in field.name]:
        assert places(ask(read, **{name: "1"})) == {(name, "query", "UNKNOWN_PARAMETER")}


@pytest.mark.parametrize("read", READS, ids=str)
def test_no_read_takes_a_parameter_of_another_type(ask, read):
    bad = {
        name: (field, values)
        for name, field in read.fields.items()
        if (values := bad_values(field)) and name not in NEEDED.get(read.name, {})
    }

    for name, (_, values) in bad.items():
        for value in values:
            found = places(ask(read, **{name: value}))
            assert {(field, place) for field, place, _ in found} == {(name, "query")}, value


def bad_values(field: FieldDescriptor) -> tuple[str, ...]:
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        most = "10001" if "Ledger" in field.containing_type.name else "1001"
        return (*BAD_SIZES, most)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return BAD_FLAGS
    kinds = {each.name: each.kind for each in fields_of(field.containing_type)}
    return BAD_MOMENTS if kinds[field.name] is Kind.TIMESTAMP else ()


@pytest.mark.parametrize("read", [r for r in READS if "readTime" in r.fields], ids=str)
def test_nothing_is_known_of_the_future(ask, read):
    assert {(field, place) for field, place, _ in places(ask(read, readTime=FUTURE))} == {
        ("readTime", "query")
    }


@pytest.mark.parametrize("read", [r for r in READS if "{" in r.path], ids=str)
def test_an_id_that_is_none_is_told_of(admin, there, read):
    path = path_of(read, there)
    verb = path.rpartition(":")[2] if ":" in path else ""
    plain = path.removesuffix(f":{verb}") if verb else path

    for bad in BAD_IDS:
        name = plain.rsplit("/", 1)[0] + "/" + bad
        if read.path.rstrip("}").endswith(("interactions", "consents", "messages")):
            name = "/".join([*plain.split("/")[:3], bad, plain.rsplit("/", 1)[1]])
        if "services/{service}" in read.path and "{customer" not in read.path:
            continue
        query = NEEDED.get(read.name)
        answer = admin.ask("GET", name + (f":{verb}" if verb else ""), query=query)
        assert answer.status in (400, 404), (bad, answer.content)
        told = problem(answer, answer.status)
        if answer.status == 400:
            assert {error["in"] for error in told["errors"]} == {"path"}


@pytest.mark.parametrize("read", [r for r in READS if "service" in r.fields], ids=str)
@pytest.mark.parametrize("service", ["nope", "warehouse", "x" * 41, "Contacts", "gateway%00"])
def test_a_service_that_is_none_is_told_of(admin, there, read, service):
    path = path_of(read, there).replace(f"services/{service_of(read)}", f"services/{service}")

    answer = admin.get(path, **NEEDED.get(read.name, {}))

    assert problem(answer, answer.status)["status"] in (400, 404)


@pytest.mark.parametrize("read", LISTS, ids=str)
def test_no_list_takes_a_filter_that_cannot_be_read(ask, read):
    for text in BAD_FILTERS:
        found = places(ask(read, filter=text))
        assert {(field, place) for field, place, _ in found} == {("filter", "query")}, text


@pytest.mark.parametrize("read", LISTS, ids=str)
def test_no_list_is_filtered_by_a_field_that_is_not_declared(ask, read):
    for text in UNKNOWN_FIELDS:
        assert places(ask(read, filter=text)) == {("filter", "query", "UNKNOWN_FIELD")}, text


@pytest.mark.parametrize("read", LISTS, ids=str)
def test_no_filter_is_longer_than_2_kib(ask, read):
    longest = 'name = "' + "ü" * 1024 + '"'

    found = places(ask(read, filter=longest))

    assert {(field, place) for field, place, _ in found} == {("filter", "query")}


@pytest.mark.parametrize(
    "text",
    [
        "createTime > yesterday",
        "createTime > 2026-02-30T00:00:00Z",
        "createTime : 5",
        "lifecycleStage = NOPE",
        "lifecycleStage = lead",
        "lifecycleStage > LEAD",
        "lifecycleStage = LIFECYCLE_STAGE_UNSPECIFIED",
        "lifecycleStage = 1",
        "displayName > *",
    ],
)
def test_no_filter_compares_with_what_a_field_cannot_be(admin, text):
    found = places(admin.get("/v1/contacts", filter=text))

    assert found == {("filter", "query", "INVALID_FILTER")}


@pytest.mark.parametrize("read", [r for r in LISTS if "orderBy" in r.fields], ids=str)
def test_no_list_takes_an_order_that_it_does_not_know(ask, read):
    for text in BAD_ORDERS:
        found = places(ask(read, orderBy=text))
        assert {(field, place) for field, place, _ in found} == {("orderBy", "query")}, text


@pytest.mark.parametrize("read", PAGED, ids=str)
def test_no_read_goes_on_from_a_token_that_is_none(ask, read):
    forged = base64.urlsafe_b64encode(b"\x00" * 16 + b'["0",["x"]]').decode().rstrip("=")
    for token in ("x", "nope!", forged, "é", "A" * 2049, "\u0000", "=" * 8, "contacts.x", "~"):
        found = places(ask(read, pageToken=token))
        assert {(field, place) for field, place, _ in found} == {("pageToken", "query")}, token


def test_a_token_belongs_to_the_list_that_gave_it(admin, word):
    twice = [admin.post("/v1/contacts", {"givenName": word}).ok()["name"] for _ in range(2)]
    for name in twice:
        admin.post("/v1/organizations", {"displayName": word}).ok()
        admin.patch(name, {"tags": [word]}, '"1"').ok()
    wanted = f'displayName = "{word}"'
    lists: dict[str, tuple[str, Any]] = {
        **{f"history of {name}": (f"/v1/{name}:history", {}) for name in twice},
        "plain": ("/v1/contacts", {"filter": wanted}),
        "filter": ("/v1/contacts", {"filter": wanted + " "}),
        "order": ("/v1/contacts", {"filter": wanted, "orderBy": "displayName"}),
        "deleted": ("/v1/contacts", {"filter": wanted, "showDeleted": "true"}),
        "organizations": ("/v1/organizations", {"filter": wanted}),
        "search": ("/v1/contacts:search", {"query": word}),
        "users": ("/v1/users", {}),
    }
    tokens = {
        name: admin.get(path, pageSize=1, **query).ok()["nextPageToken"]
        for name, (path, query) in lists.items()
    }

    for name, (path, query) in lists.items():
        for other, token in tokens.items():
            answer = admin.get(path, pageSize=1, pageToken=token, **query)
            if name == other:
                assert answer.status == 200
            else:
                found = places(answer)
                assert {(field, place) for field, place, _ in found} == {("pageToken", "query")}


def test_a_token_that_was_changed_is_none(admin, word):
    for _ in range(2):
        admin.post("/v1/contacts", {"givenName": word}).ok()
    query = {"filter": f'displayName = "{word}"', "pageSize": 1}
    token = admin.get("/v1/contacts", **query).ok()["nextPageToken"]

    for place in range(0, len(token), 7):
        letter = "A" if token[place] != "A" else "B"
        changed = token[:place] + letter + token[place + 1 :]
        assert places(admin.get("/v1/contacts", pageToken=changed, **query)) == {
            ("pageToken", "query", "INVALID_PAGE_TOKEN")
        }


def test_a_parameter_is_told_once(admin):
    twice = [("pageSize", "1"), ("pageSize", "2")]

    answer = admin.ask("GET", "/v1/contacts", query=twice)

    assert places(answer) == {("pageSize", "query", "MORE_THAN_ONE")}


@pytest.mark.parametrize("mask", ["nope", "given_name", "name", "etag", "createTime", "tags.x"])
def test_no_change_is_of_a_field_that_cannot_be_changed(admin, made, mask):
    answer = admin.patch(made.contact, {"givenName": "X"}, '"1"', updateMask=mask)

    found = places(answer)
    assert {(field, place) for field, place, _ in found} == {("updateMask", "query")}


@pytest.mark.parametrize("mask", ["", ",", "tags,", "*", "externalIds.", "tags;owner", "a b"])
def test_no_mask_is_taken_that_cannot_be_read(admin, made, mask):
    found = places(admin.patch(made.contact, {"givenName": "X"}, '"1"', updateMask=mask))

    assert found == {("updateMask", "query", "MALFORMED_VALUE")}
