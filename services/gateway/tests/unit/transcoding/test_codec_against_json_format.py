"""The codec says the same as the library, but for what we leave out or write more strictly."""

import random
import string
import struct
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import orjson
import pytest
from google.protobuf import json_format, message_factory, struct_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from crm_gateway.transcoding.codec.well_known import encode_struct
from crm_gateway.transcoding.faults import Flaws

_F = FieldDescriptor
DEEPEST = 4
LETTERS = string.ascii_letters + string.digits + ' äß€𝄞"\\\n\t/<'
_WHOLE = {
    _F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _F.CPPTYPE_UINT32: (0, 2**32 - 1),
    _F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _F.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Dice:
    """Makes messages: the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def message(self, descriptor: Descriptor, depth: int = 0) -> Message:
        made: Any = message_factory.GetMessageClass(descriptor)()
        special = self._SPECIAL.get(descriptor.full_name)
        if special is not None:
            special(self, made, depth)
            return made
        for field in descriptor.fields:
            if self._dice.random() < 0.5:
                self._fill(made, field, depth)
        return made

    def _fill(self, made: Any, field: FieldDescriptor, depth: int) -> None:
        if field.message_type is not None and depth >= DEEPEST:
            return
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = field.message_type.fields
            for _ in range(self._dice.randint(1, 3)):
                self._put(getattr(made, field.name), self._value(key, depth), value, depth)
        elif field.is_repeated:
            values = [self._value(field, depth + 1) for _ in range(self._dice.randint(1, 3))]
            getattr(made, field.name).extend(values)
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(self._value(field, depth + 1))
        else:
            setattr(made, field.name, self._value(field, depth))

    def _put(self, target: Any, key: Any, value: FieldDescriptor, depth: int) -> None:
        if value.message_type is not None:
            target[key].CopyFrom(self._value(value, depth + 2))
        else:
            target[key] = self._value(value, depth)

    def _value(self, field: FieldDescriptor, depth: int) -> Any:
        if field.message_type is not None:
            return self.message(field.message_type, depth)
        if field.enum_type is not None:
            return self._dice.choice([value.number for value in field.enum_type.values[1:]])
        if field.cpp_type in _WHOLE:
            return self._dice.choice([self._dice.randint(*_WHOLE[field.cpp_type]), 0, 1])
        return self._plain(field)

    def _plain(self, field: FieldDescriptor) -> Any:
        if field.cpp_type == _F.CPPTYPE_BOOL:
            return self._dice.random() < 0.5
        if field.cpp_type == _F.CPPTYPE_DOUBLE:
            return self._number()
        if field.cpp_type == _F.CPPTYPE_FLOAT:
            return struct.unpack("f", struct.pack("f", self._dice.uniform(-1e6, 1e6)))[0]
        text = "".join(self._dice.choices(LETTERS, k=self._dice.randint(0, 8)))
        return text.encode() if field.type == _F.TYPE_BYTES else text

    def _number(self) -> float:
        return self._dice.choice([0.0, 1.5, -2.0, 1e300, self._dice.uniform(-1e9, 1e9)])

    def _timestamp(self, made: Any, _depth: int) -> None:
        made.seconds = self._dice.randint(-62_135_596_800, 253_402_300_799)
        made.nanos = self._dice.randint(1, 999) * 1_000_000

    def _duration(self, made: Any, _depth: int) -> None:
        sign = self._dice.choice([1, -1])
        made.seconds = sign * self._dice.randint(0, 10**9)
        made.nanos = sign * self._dice.choice([0, 500_000_000, 1_000_000, 123_456_789])

    def _fieldmask(self, made: Any, _depth: int) -> None:
        made.paths.extend(self._dice.sample(["display_name", "tags", "a_b_c", "x.y"], 2))

    def _struct(self, made: Any, depth: int) -> None:
        for key in "ab":
            made.fields[key].CopyFrom(self.message(_field(made, "fields", "value"), depth + 2))

    def _listvalue(self, made: Any, depth: int) -> None:
        kind = made.DESCRIPTOR.fields_by_name["values"].message_type
        made.values.extend(self.message(kind, depth + 1) for _ in range(2))

    def _value_of(self, made: Any, depth: int) -> None:
        kinds = ["null_value", "number_value", "string_value", "bool_value"]
        kind = self._dice.choice(
            kinds if depth > DEEPEST else [*kinds, "struct_value", "list_value"]
        )
        field = made.DESCRIPTOR.fields_by_name[kind]
        if field.message_type is not None:
            getattr(made, kind).CopyFrom(self.message(field.message_type, depth + 1))
        else:
            setattr(made, kind, 0 if kind == "null_value" else self._value(field, depth))

    _SPECIAL: ClassVar[Mapping[str, Callable[["Dice", Any, int], None]]] = {
        "google.protobuf.Timestamp": _timestamp,
        "google.protobuf.Duration": _duration,
        "google.protobuf.FieldMask": _fieldmask,
        "google.protobuf.Struct": _struct,
        "google.protobuf.ListValue": _listvalue,
        "google.protobuf.Value": _value_of,
    }


def _field(made: Any, name: str, part: str) -> Descriptor:
    found = made.DESCRIPTOR.fields_by_name[name].message_type.fields_by_name[part].message_type
    assert found is not None
    return found


def json_of_library(message):
    said = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    return without_unset(said)


def without_unset(said):
    """Enums that are not set are left out of our answers."""
    if isinstance(said, dict):
        kept = {key: without_unset(value) for key, value in said.items()}
        return {
            key: value for key, value in kept.items() if not str(value).endswith("_UNSPECIFIED")
        }
    return [without_unset(value) for value in said] if isinstance(said, list) else said


@pytest.mark.parametrize("seed", range(20))
def test_random_messages_say_what_the_library_says(sample, messages, seed, scale):
    everything = messages["Everything"]
    encode, dice = sample.codec.encoder(everything), Dice(seed)

    for _ in range(int(10 * scale)):
        message = dice.message(everything)
        assert orjson.loads(orjson.dumps(encode(message))) == json_of_library(message)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_said_is_read_as_the_same_message(sample, messages, sample_schema, seed, scale):
    everything = messages["Everything"]
    encode, decode = sample.codec.encoder(everything), sample.codec.decoder(everything)
    dice, made = Dice(1000 + seed), sample_schema.message_class(everything)

    for _ in range(int(10 * scale)):
        message, flaws = dice.message(everything), Flaws("body")
        read = decode(orjson.loads(orjson.dumps(encode(message))), None, flaws)
        assert not flaws.found
        assert made(**read) == message


def test_every_message_of_the_suite_says_what_the_library_says(suite, scale):
    dice = Dice(7)

    for described in suite.schema.messages():
        encode = suite.codec.encoder(described)
        for _ in range(int(3 * scale)):
            message = dice.message(described)
            assert orjson.loads(orjson.dumps(encode(message))) == json_of_library(message)


def test_a_whole_number_of_a_free_structure_is_written_as_one():
    struct_ = struct_pb2.Struct()
    struct_.update({"created": 3, "list": [-2, 0.5], "whole": 2**53})

    said = orjson.dumps(encode_struct(struct_))

    assert said == b'{"created":3,"list":[-2,0.5],"whole":9007199254740992}'
