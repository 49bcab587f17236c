"""JSON Schema keywords for the constraints that a field declares."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from crm_gateway.transcoding.schema import Schema, is_map

Keywords = dict[str, Any]

_IGNORE_IF_ZERO = "IGNORE_IF_ZERO_VALUE"
_FORMATS: Mapping[str, Keywords] = {
    "email": {"format": "email"},
    "uri": {"format": "uri"},
    "hostname": {"format": "hostname"},
    "uuid": {"format": "uuid"},
    "ipv4": {"format": "ipv4"},
    "ipv6": {"format": "ipv6"},
}
# An empty string is "not told" everywhere.
_STANDARDS: Mapping[str, Keywords] = {
    "CALENDAR_DAY": {"pattern": r"^$|^\d{4}-\d{2}-\d{2}$", "examples": ["2026-05-03"]},
    "LANGUAGE": {"pattern": r"^$|^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", "examples": ["de-CH"]},
    "TIME_ZONE": {
        "pattern": r"^$|^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        "examples": ["Europe/Zurich"],
    },
    "REGION": {"pattern": r"^$|^[A-Z]{2}$", "examples": ["CH"]},
    "CURRENCY": {"pattern": r"^$|^[A-Z]{3}$", "examples": ["CHF"]},
}


class Constraints:
    """Reads what fields declare."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def of(self, field: FieldDescriptor) -> Keywords:
        """The keywords beside the field's type, as far as JSON Schema has words for the rules."""
        rules = self._schema.option(field, "buf.validate.field")
        keywords = _of_rules(rules, is_map(field))
        descriptor = type(rules).DESCRIPTOR.fields_by_name["ignore"]
        is_optional = descriptor.enum_type.values_by_number[rules.ignore].name == _IGNORE_IF_ZERO
        keywords |= self._of_standard(field)
        return _or_empty(keywords) if is_optional else keywords

    def _of_standard(self, field: FieldDescriptor) -> Keywords:
        number = self._schema.option(field, "crm.api.v1.standard")
        names = self._schema.enum("crm.api.v1.Standard").values_by_number
        return dict(_STANDARDS.get(names[number].name, {}))


def _of_rules(rules: Any, is_a_map: bool) -> Keywords:
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    some = getattr(rules, kind)
    if kind == "string":
        return _of_string(some)
    if kind == "repeated":
        return _of_repeated(some)
    if kind == "map" and is_a_map:
        return _of_map(some)
    if kind in ("int32", "uint32", "double", "float"):
        return _of_number(some)
    return {}


def _of_string(rules: Any) -> Keywords:
    keywords: Keywords = {}
    _take(rules, keywords, min_len="minLength", max_len="maxLength", pattern="pattern")
    _take(rules, keywords, const="const")
    if rules.HasField("len"):
        keywords |= {"minLength": rules.len, "maxLength": rules.len}
    if rules.HasField("max_bytes"):
        keywords.setdefault("maxLength", rules.max_bytes)
    known = rules.WhichOneof("well_known")
    if known in _FORMATS and getattr(rules, known):
        keywords |= _FORMATS[known]
    if getattr(rules, "in"):
        keywords["enum"] = list(getattr(rules, "in"))
    return keywords


def _of_number(rules: Any) -> Keywords:
    keywords: Keywords = {}
    _take(rules, keywords, gte="minimum", lte="maximum", const="const")
    _take(rules, keywords, gt="exclusiveMinimum", lt="exclusiveMaximum")
    return keywords


def _of_repeated(rules: Any) -> Keywords:
    keywords: Keywords = {}
    _take(rules, keywords, min_items="minItems", max_items="maxItems", unique="uniqueItems")
    inner = _of_rules(rules.items, is_a_map=False)
    return keywords | ({"items": inner} if inner else {})


def _of_map(rules: Any) -> Keywords:
    keywords: Keywords = {}
    _take(rules, keywords, min_pairs="minProperties", max_pairs="maxProperties")
    names, inner = _of_rules(rules.keys, is_a_map=False), _of_rules(rules.values, is_a_map=False)
    if names:
        keywords["propertyNames"] = names
    return keywords | ({"additionalProperties": inner} if inner else {})


def _take(rules: Any, keywords: Keywords, **named: str) -> None:
    for name, keyword in named.items():
        if rules.HasField(name):
            keywords[keyword] = getattr(rules, name)


def _or_empty(keywords: Keywords) -> Keywords:
    """The same for a string that may be empty, which means that it is not told."""
    kept = {key: value for key, value in keywords.items() if key != "minLength"}
    if "pattern" in kept and not kept["pattern"].startswith("^$|"):
        kept["pattern"] = f"^$|{kept['pattern']}"
    return kept
