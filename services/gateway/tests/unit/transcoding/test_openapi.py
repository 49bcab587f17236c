"""The document says what is served, and nothing else."""

import re

import pytest
from openapi_spec_validator import validate

from crm_gateway.transcoding.openapi import document_of

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document(suite):
    return document_of(suite)


def operations(document):
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def find(document, name):
    return next(one for _, _, one in operations(document) if one["operationId"] == name)


def parameter(operation, name):
    return next(one for one in operation["parameters"] if one["name"] == name)


def test_the_document_is_valid_openapi_3_1(document):
    validate(document)

    assert document["openapi"].startswith("3.1")


def test_the_document_of_one_of_everything_is_valid_too(sample):
    validate(document_of(sample))


def test_every_binding_of_every_unary_rpc_is_an_operation(suite, document):
    served = {(bound.template.document_path, bound.binding.verb) for bound in suite.unary()}

    assert served == {(path, verb.upper()) for path, verb, _ in operations(document)}


def test_every_operation_says_what_it_is_needs_and_may_refuse(document):
    responses = document["components"]["responses"]

    for path, verb, operation in operations(document):
        assert operation["summary"], (path, verb)
        assert operation["x-permission"]["action"] in operation["description"]
        refused = {status for status in operation["responses"] if status >= "400"}
        assert refused >= {"400", "401", "403", "404", "503"}, (path, verb)
        for status in refused:
            assert PROBLEM in responses[f"Problem{status}"]["content"]


def test_what_goes_out_is_always_there_but_what_may_be_unset(document):
    contact = document["components"]["schemas"]["Contact"]

    assert {"name", "etag", "givenName", "emails", "externalIds"} <= set(contact["required"])
    assert not {"lifecycleStage", "deleteTime", "createTime"} & set(contact["required"])
    assert contact["properties"]["etag"]["readOnly"]


def test_what_comes_in_is_closed_and_without_what_the_system_sets(document):
    contact = document["components"]["schemas"]["ContactInput"]

    assert contact["additionalProperties"] is False
    assert not {"createTime", "displayName"} & set(contact["properties"])
    assert contact["properties"]["givenName"]["maxLength"] == 255
    assert contact["properties"]["externalIds"]["propertyNames"]["pattern"]


def test_what_may_be_empty_may_be_written_empty(document):
    source = document["components"]["schemas"]["ContactInput"]["properties"]["source"]

    assert source["pattern"].startswith("^$|")


def test_a_change_may_clear_what_is_not_required(document):
    user = document["components"]["schemas"]["UserUpdate"]

    assert "required" not in user
    assert user["properties"]["teams"]["type"] == ["array", "null"]
    assert user["properties"]["displayName"]["type"] == "string"


def test_a_list_names_the_fields_of_its_filter_and_order(document):
    words = find(document, "listContacts")["description"]

    assert "`emails.address`" in words.split("`filter`")[1]
    assert "`givenName`" not in words.split("`orderBy`")[1]


def test_headers_are_parameters_where_they_count(document):
    assert parameter(find(document, "updateContact"), "If-Match")["required"]
    assert not parameter(find(document, "undeleteContact"), "If-Match")["required"]
    assert parameter(find(document, "createContact"), "Idempotency-Key")["in"] == "header"
    assert parameter(find(document, "getContact"), "If-None-Match")


def test_an_id_in_a_path_has_the_pattern_of_its_name(document):
    contact = parameter(find(document, "getContact"), "contact")
    role = parameter(find(document, "getRole"), "role")

    assert contact["schema"]["pattern"] == "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
    assert role["schema"]["pattern"] == "^[a-z0-9][a-z0-9-]{0,62}$"


def test_of_a_choice_only_one_may_be_there(sample):
    everything = document_of(sample)["components"]["schemas"]["EverythingInput"]

    assert {"required": ["text", "number"]} in everything["not"]["anyOf"]


def test_a_second_binding_has_a_name_of_its_own(document):
    organization = document["paths"]["/v1/organizations/{organization}:timeline"]["get"]

    assert organization["operationId"] == "listTimelineEntriesForOrganization"


def test_a_mask_is_made_of_what_may_be_changed(document):
    pattern = parameter(find(document, "updateContact"), "updateMask")["schema"]["pattern"]

    for mask in ("givenName", "givenName,externalIds.erp,tags"):
        assert re.search(pattern, mask), mask
    for mask in ("", "nope", "etag", "createTime", "givenName.x", "givenName,"):
        assert not re.search(pattern, mask), mask


def test_of_what_is_passed_over_no_more_is_asked_than_that_it_is_text(document):
    name = document["components"]["schemas"]["ContactInput"]["properties"]["name"]

    assert name == {"type": "string", "description": name["description"]}
