"""Requests are read strictly, and each fault is named where it is."""

import orjson
import pytest
from werkzeug.datastructures import MultiDict

from crm_chassis.kernel.errors import MissingPrecondition
from crm_gateway.transcoding.faults import Malformed

SHELF = {"shelf": "a"}
PLACE = {"shelf": "a", "sample": "b"}


@pytest.fixture(scope="session")
def create(sample):
    return binder_of(sample, "CreateSample")


@pytest.fixture(scope="session")
def update(sample):
    return binder_of(sample, "UpdateSample")


@pytest.fixture(scope="session")
def find(sample):
    return binder_of(sample, "FindSamples")


@pytest.fixture(scope="session")
def join(sample):
    return binder_of(sample, "JoinSample")


def binder_of(bindings, method):
    return next(bound.binder for bound in bindings.all if bound.method.name == method)


def faults_of(read, *arguments):
    with pytest.raises(Malformed) as refused:
        read(*arguments)
    return [(fault.field, fault.place, fault.reason) for fault in refused.value.faults]


def body(**content):
    return orjson.dumps(content)


def everything(**content):
    return body(displayName="x", everything=content)


def test_a_body_becomes_the_fields_of_the_request(create):
    fields = create.read(
        SHELF, None, body(displayName="Ann", tags=["a"], externalIds={"erp": "1"}), None
    )

    assert fields == {
        "parent": "shelves/a",
        "sample": {"display_name": "Ann", "tags": ["a"], "external_ids": {"erp": "1"}},
    }


@pytest.mark.parametrize(
    ("content", "field", "reason"),
    [
        ({"anInt32": "1"}, "anInt32", "WRONG_TYPE"),
        ({"anInt32": 1.5}, "anInt32", "WRONG_TYPE"),
        ({"anInt32": True}, "anInt32", "WRONG_TYPE"),
        ({"anInt32": 2**31}, "anInt32", "OUT_OF_RANGE"),
        ({"aUint32": -1}, "aUint32", "OUT_OF_RANGE"),
        ({"anInt64": 1}, "anInt64", "WRONG_TYPE"),
        ({"anInt64": "01"}, "anInt64", "MALFORMED_VALUE"),
        ({"anInt64": "9223372036854775808"}, "anInt64", "OUT_OF_RANGE"),
        ({"aUint64": "-1"}, "aUint64", "OUT_OF_RANGE"),
        ({"aBool": "true"}, "aBool", "WRONG_TYPE"),
        ({"aBool": 1}, "aBool", "WRONG_TYPE"),
        ({"aDouble": "1"}, "aDouble", "WRONG_TYPE"),
        ({"aDouble": "NaN"}, "aDouble", "WRONG_TYPE"),
        ({"aFloat": 1e39}, "aFloat", "OUT_OF_RANGE"),
        ({"aString": 1}, "aString", "WRONG_TYPE"),
        ({"someBytes": "?"}, "someBytes", "MALFORMED_VALUE"),
        ({"aColor": "PURPLE"}, "aColor", "UNKNOWN_VALUE"),
        ({"aColor": "COLOR_UNSPECIFIED"}, "aColor", "UNKNOWN_VALUE"),
        ({"aColor": 1}, "aColor", "WRONG_TYPE"),
        ({"aColor": "red"}, "aColor", "UNKNOWN_VALUE"),
        ({"colors": "RED"}, "colors", "WRONG_TYPE"),
        ({"colors": ["RED", "NO"]}, "colors[1]", "UNKNOWN_VALUE"),
        ({"colors": [None]}, "colors[0]", "NULL_VALUE"),
        ({"aString": None}, "aString", "NULL_VALUE"),
        ({"inner": None}, "inner", "NULL_VALUE"),
        ({"inner": []}, "inner", "WRONG_TYPE"),
        ({"inner": {"inner": {"nope": 1}}}, "inner.inner.nope", "UNKNOWN_FIELD"),
        ({"an_int32": 1}, "an_int32", "UNKNOWN_FIELD"),
        ({"AnInt32": 1}, "AnInt32", "UNKNOWN_FIELD"),
        ({"inners": [{}, {"aBool": 0}]}, "inners[1].aBool", "WRONG_TYPE"),
        ({"byName": {"a b": {"aBool": 0}}}, 'byName["a b"].aBool', "WRONG_TYPE"),
        ({"byInt32": {"x": "y"}}, "byInt32.x", "WRONG_TYPE"),
        ({"byBool": {"1": 1}}, 'byBool["1"]', "WRONG_TYPE"),
        ({"text": "a", "number": "1"}, "number", "MORE_THAN_ONE"),
        ({"aTime": "2026-05-03"}, "aTime", "MALFORMED_VALUE"),
        ({"aTime": "2026-05-03T12:00:00"}, "aTime", "MALFORMED_VALUE"),
        ({"aTime": "2026-02-30T12:00:00Z"}, "aTime", "MALFORMED_VALUE"),
        ({"aTime": "2026-05-03T12:00:60Z"}, "aTime", "MALFORMED_VALUE"),
        ({"aTime": "0001-01-01T00:00:00+01:00"}, "aTime", "MALFORMED_VALUE"),
        ({"aTime": 1}, "aTime", "WRONG_TYPE"),
        ({"aDuration": "3.5"}, "aDuration", "MALFORMED_VALUE"),
        ({"aMask": "Display"}, "aMask", "MALFORMED_VALUE"),
        ({"aStruct": []}, "aStruct", "WRONG_TYPE"),
        ({"aStringValue": {"value": "x"}}, "aStringValue", "WRONG_TYPE"),
    ],
)
def test_what_is_not_of_its_type_is_refused_where_it_stands(create, content, field, reason):
    found = faults_of(create.read, SHELF, None, everything(**content), None)

    assert found == [(f"everything.{field}", "body", reason)]


def test_all_faults_are_told_at_once(create):
    content = body(displayName=1, colour="RED", tags=["a", 2], createTime="now")

    found = faults_of(create.read, SHELF, None, content, None)

    assert found == [
        ("displayName", "body", "WRONG_TYPE"),
        ("colour", "body", "UNKNOWN_FIELD"),
        ("tags[1]", "body", "WRONG_TYPE"),
        ("createTime", "body", "OUTPUT_ONLY"),
    ]


def test_name_and_tag_are_passed_over(create):
    fields = create.read(SHELF, None, body(displayName="x", name="n", etag='"1"'), None)

    assert fields["sample"] == {"display_name": "x"}


@pytest.mark.parametrize(
    ("text", "seconds", "nanos"),
    [
        ("1970-01-01T00:00:00Z", 0, 0),
        ("1970-01-01t00:00:00.5z", 0, 500_000_000),
        ("1970-01-01T02:00:00+02:00", 0, 0),
        ("1969-12-31T23:59:59.999Z", -1, 999_000_000),
    ],
)
def test_an_instant_is_read_in_any_zone(create, text, seconds, nanos):
    fields = create.read(SHELF, None, everything(aTime=text), None)

    assert fields["sample"]["everything"]["a_time"] == {"seconds": seconds, "nanos": nanos}


def test_a_whole_number_may_be_written_as_json_writes_it(create):
    fields = create.read(SHELF, None, everything(anInt32=1.0, aDouble=1), None)

    assert fields["sample"]["everything"] == {"an_int32": 1, "a_double": 1.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "MISSING_BODY"),
        (b"{", "MALFORMED_JSON"),
        (b"{}x", "MALFORMED_JSON"),
        (b'{"displayName": "\xff"}', "MALFORMED_JSON"),
        (b'{"displayName": "\\ud800"}', "MALFORMED_JSON"),
        (b'{"everything": {"aDouble": NaN}}', "MALFORMED_JSON"),
        (b"null", "WRONG_TYPE"),
        (b"[]", "WRONG_TYPE"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "TOO_DEEP"),
        (b"[" * 100_000, "MALFORMED_JSON"),
    ],
)
def test_what_is_no_object_in_json_is_refused(create, text, reason):
    assert faults_of(create.read, SHELF, None, text, None) == [("", "body", reason)]


def test_thirty_two_levels_are_not_too_deep(create):
    deep = 1
    for _ in range(29):
        deep = {"a": deep}

    fields = create.read(SHELF, None, everything(aStruct=deep), None)

    assert fields["sample"]["everything"]["a_struct"] == deep


def test_without_a_mask_the_body_says_what_changes(update):
    content = body(displayName="x", tags=None, name="n")

    fields = update.read(PLACE, None, content, '"1"')

    assert fields["update_mask"] == {"paths": ["display_name", "tags"]}
    assert fields["sample"] == {
        "name": "shelves/a/samples/b",
        "etag": '"1"',
        "display_name": "x",
    }


def test_a_mask_names_fields_and_keys_of_maps(update):
    query = MultiDict({"updateMask": "displayName,externalIds.my_Key,displayName"})

    fields = update.read(PLACE, query, body(displayName="x"), '"1"')

    assert fields["update_mask"] == {"paths": ["display_name", "external_ids.my_Key"]}


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        ("", "MALFORMED_VALUE"),
        ("*", "MALFORMED_VALUE"),
        ("display_name", "MALFORMED_VALUE"),
        ("nope", "UNKNOWN_FIELD"),
        ("everything.aBool", "UNKNOWN_FIELD"),
        ("createTime", "OUTPUT_ONLY"),
        ("etag", "OUTPUT_ONLY"),
    ],
)
def test_a_mask_that_names_nothing_to_change_is_refused(update, mask, reason):
    query = MultiDict({"updateMask": mask})

    found = faults_of(update.read, PLACE, query, body(displayName="x"), '"1"')

    assert found == [("updateMask", "query", reason)]


@pytest.mark.parametrize(
    ("key", "reason"), [("createTime", "OUTPUT_ONLY"), ("nope", "UNKNOWN_FIELD")]
)
def test_a_null_clears_only_what_may_be_written(update, key, reason):
    found = faults_of(update.read, PLACE, None, body(**{key: None}), '"1"')

    assert found == [(key, "body", reason)]


@pytest.mark.parametrize("tag", [None, ""])
def test_a_change_must_name_the_version_it_knows(update, tag):
    with pytest.raises(MissingPrecondition):
        update.read(PLACE, None, body(displayName="x"), tag)


def test_query_parameters_become_fields(find):
    query = MultiDict(
        [
            ("pageSize", "5"),
            ("colors", "RED"),
            ("colors", "GREEN"),
            ("since", "1970-01-01T00:00:01Z"),
            ("number", "-9"),
            ("showDeleted", "true"),
            ("score", "0.5"),
            ("words", ""),
        ]
    )

    assert find.read({}, query, None, None) == {
        "page_size": 5,
        "colors": [1, 2],
        "since": {"seconds": 1, "nanos": 0},
        "number": -9,
        "show_deleted": True,
        "score": 0.5,
        "words": [""],
    }


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pageSize", "five", "WRONG_TYPE"),
        ("pageSize", "5.0", "WRONG_TYPE"),
        ("pageSize", " 5", "WRONG_TYPE"),
        ("page_size", "5", "UNKNOWN_PARAMETER"),
        ("colors", "BLUE", "UNKNOWN_VALUE"),
        ("colors", "COLOR_UNSPECIFIED", "UNKNOWN_VALUE"),
        ("since", "yesterday", "MALFORMED_VALUE"),
        ("showDeleted", "True", "WRONG_TYPE"),
        ("showDeleted", "1", "WRONG_TYPE"),
        ("score", "inf", "WRONG_TYPE"),
    ],
)
def test_a_query_parameter_is_read_strictly(find, name, text, reason):
    found = faults_of(find.read, {}, MultiDict({name: text}), None, None)

    assert found == [(name, "query", reason)]


def test_a_parameter_that_is_no_list_stands_once(find):
    query = MultiDict([("pageSize", "1"), ("pageSize", "2")])

    assert faults_of(find.read, {}, query, None, None) == [("pageSize", "query", "MORE_THAN_ONE")]


def test_a_verb_takes_its_body_and_the_tag_of_the_header(join):
    fields = join.read(PLACE, None, body(other="x", name="passed over"), '"7"')

    assert fields == {"name": "shelves/a/samples/b", "other": "x", "etag": '"7"'}


def test_a_verb_needs_neither_body_nor_tag(join):
    assert join.read(PLACE, None, b"", None) == {"name": "shelves/a/samples/b"}


def test_a_parameter_beside_a_whole_body_is_unknown(join):
    found = faults_of(join.read, PLACE, MultiDict({"other": "x"}), b"", None)

    assert found == [("other", "query", "UNKNOWN_PARAMETER")]
