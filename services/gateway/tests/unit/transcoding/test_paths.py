"""Path templates: what they match, what the document shows, what the fields get."""

import pytest
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from crm_gateway.transcoding.paths import (
    PathIndex,
    names_of_segments,
    parse_template,
    prepare_map,
)

NAME_OF = names_of_segments(
    ["contacts/{contact}", "contacts/{contact}/interactions/{interaction}", "apiKeys/{api_key}"]
)

READ = {
    "/v1/contacts": ("/v1/contacts", {}),
    "/v1/contacts:search": ("/v1/contacts:search", {}),
    "/v1/{name=contacts/*}": ("/v1/contacts/{contact}", {"name": "contacts/1"}),
    "/v1/{name=contacts/*}:merge": ("/v1/contacts/{contact}:merge", {"name": "contacts/1"}),
    "/v1/{contact.name=contacts/*}": (
        "/v1/contacts/{contact}",
        {"contact": {"name": "contacts/1"}},
    ),
    "/v1/{name=contacts/*/interactions/*}": (
        "/v1/contacts/{contact}/interactions/{interaction}",
        {"name": "contacts/1/interactions/1"},
    ),
    "/v1/{api_key.name=apiKeys/*}": ("/v1/apiKeys/{apiKey}", {"api_key": {"name": "apiKeys/1"}}),
    "/v1/services/{service}/{customer=contacts/*}:sections": (
        "/v1/services/{service}/contacts/{contact}:sections",
        {"service": "1", "customer": "contacts/1"},
    ),
    "/v1/files/{path=**}": ("/v1/files/{path}", {"path": "1"}),
}
REFUSED = [
    "v1/contacts",
    "/v1/contacts/",
    "/v1/{name=contacts/*",
    "/v1/{Name}",
    "/v1/con tacts",
    "/v1/{name=contacts/*}/{other=contacts/*}",
    "/v1/{path=**}/more",
]


@pytest.mark.parametrize("template", READ)
def test_a_template_is_shown_and_fills_its_fields(template):
    path, fields = READ[template]

    read = parse_template(template, NAME_OF)
    filled = {}
    read.fill(filled, {capture.name: "1" for capture in read.captures})

    assert read.document_path == path
    assert filled == fields


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        ("0190B0C4-0000-7000-8000-00000000000F", "contacts/0190b0c4-0000-7000-8000-00000000000f"),
        ("0190b0c4-0000-7000-8000-000000000001", "contacts/0190b0c4-0000-7000-8000-000000000001"),
        ("ABC", "contacts/ABC"),
    ],
)
def test_any_uuid_names_what_it_names_in_small_letters(segment, name):
    filled = {}

    parse_template("/v1/{name=contacts/*}", NAME_OF).fill(filled, {"contact": segment})

    assert filled == {"name": name}


@pytest.mark.parametrize("template", REFUSED)
def test_what_is_no_template_is_refused_at_the_start(template):
    with pytest.raises(ValueError, match=r"slash|read|segment|two|end"):
        parse_template(template, NAME_OF)


SERVED = (
    ("/v1/contacts", "GET"),
    ("/v1/contacts:search", "GET"),
    ("/v1/{name=contacts/*}", "GET"),
    ("/v1/{name=contacts/me}", "GET"),
    ("/v1/{name=contacts/*}:merge", "POST"),
    ("/v1/{name=contacts/*/interactions/*}", "GET"),
    ("/v1/files/{path=**}", "GET"),
    ("/v1/files/{path=**}:download", "GET"),
)


@pytest.fixture(scope="module")
def index():
    made = PathIndex()
    for template, verb in SERVED:
        made.add(verb, parse_template(template, NAME_OF), template)
    return made


@pytest.fixture(scope="module")
def matcher():
    url_map = Map()
    prepare_map(url_map)
    for template, verb in SERVED:
        rule = parse_template(template, NAME_OF).rule
        url_map.add(Rule(rule, endpoint=template, methods=[verb]))
    return url_map.bind("here")


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/v1/contacts", "/v1/contacts", {}),
        ("/v1/contacts:search", "/v1/contacts:search", {}),
        ("/v1/contacts/0190-ab", "/v1/{name=contacts/*}", {"contact": "0190-ab"}),
        ("/v1/contacts/me", "/v1/{name=contacts/me}", {}),
        (
            "/v1/contacts/a:b/interactions/c",
            "/v1/{name=contacts/*/interactions/*}",
            {"contact": "a:b", "interaction": "c"},
        ),
        ("/v1/files/a/b", "/v1/files/{path=**}", {"path": "a/b"}),
        ("/v1/files/a/b:download", "/v1/files/{path=**}:download", {"path": "a/b"}),
    ],
)
def test_a_path_finds_its_template(matcher, index, path, template, values):
    assert matcher.match(path, method="GET") == (template, values)
    assert index.find("GET", path) == (None if "**" in template else (template, values))


@pytest.mark.parametrize(
    "path",
    ["/v1/contacts/", "/v1//contacts", "/v1/contacts/a:b", "/v1/contacts/:merge", "/v2", "/", "*"],
)
def test_a_path_that_nobody_declared_is_not_found(matcher, index, path):
    assert index.find("GET", path) is None
    with pytest.raises(NotFound):
        matcher.match(path, method="GET")


def test_a_path_that_is_known_by_another_verb_tells_which(matcher):
    with pytest.raises(MethodNotAllowed) as refused:
        matcher.match("/v1/contacts/1:merge", method="GET")

    assert refused.value.valid_methods == ["POST"]
