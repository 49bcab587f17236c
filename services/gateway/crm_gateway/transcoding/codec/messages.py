"""Messages: closures compiled once for each type, one step for each field."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from crm_gateway.transcoding.codec import well_known
from crm_gateway.transcoding.codec.scalars import (
    OMIT,
    Decode,
    Encode,
    json_of_text,
    scalar_decoder,
    scalar_encoder,
)
from crm_gateway.transcoding.faults import Flaws, Path
from crm_gateway.transcoding.schema import Schema, entry_of, is_map

PASSED_OVER = ("name", "etag")


class Entry(NamedTuple):
    """How one field is read: its name, its decoder, and whether what it gives is kept."""

    name: str
    decode: Decode
    is_kept: bool


class Codec:
    """Makes and keeps the encoders and decoders of a schema's messages."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._encoders: dict[str, Encode] = {}
        self._decoders: dict[str, Decode] = {}

    def encoder(self, message: Descriptor) -> Encode:
        """What makes of a message of this type something to write as JSON."""
        known = self._encoders.get(message.full_name) or well_known.encoder_of(message)
        if known is not None:
            return known
        _refuse_any(message)
        steps: list[tuple[str, str, bool, Encode | None]] = []
        encode = _object_encoder(steps)
        self._encoders[message.full_name] = encode
        for field in message.fields:
            present = field.has_presence
            steps.append((field.name, field.json_name, present, self._field_encoder(field)))
        return encode

    def decoder(self, message: Descriptor) -> Decode:
        """What reads a message of this type from JSON, as arguments for its class."""
        known = self._decoders.get(message.full_name) or well_known.decoder_of(message)
        if known is not None:
            return known
        _refuse_any(message)
        entries: dict[str, Entry] = {}
        decode = object_decoder(entries, _choices_of(message))
        self._decoders[message.full_name] = decode
        entries.update(self.entries(message))
        return decode

    def entries(self, message: Descriptor) -> dict[str, Entry]:
        """How each field is read, by its JSON name; those that the system sets are refused."""
        return {field.json_name: self._entry(field) for field in message.fields}

    def field_decoder(self, field: FieldDescriptor) -> Decode:
        """What reads a field: a value, a list or a map."""
        if is_map(field):
            key, value = entry_of(field)
            return _map_decoder(_key_decoder(key), self.value_decoder(value))
        decode = self.value_decoder(field)
        return _list_decoder(decode) if field.is_repeated else decode

    def _entry(self, field: FieldDescriptor) -> Entry:
        behaviors = self._schema.behaviors(field)
        if field.name in PASSED_OVER and behaviors & {"IDENTIFIER", "OUTPUT_ONLY"}:
            return Entry(field.name, scalar_decoder(field), is_kept=False)
        if behaviors & {"IDENTIFIER", "OUTPUT_ONLY"}:
            return Entry(field.name, _refuse_output, is_kept=False)
        return Entry(field.name, self.field_decoder(field), is_kept=True)

    def value_decoder(self, field: FieldDescriptor) -> Decode:
        """What reads one value of a field, or one item of its list."""
        if field.message_type is not None:
            return self.decoder(field.message_type)
        return scalar_decoder(field)

    def _field_encoder(self, field: FieldDescriptor) -> Encode | None:
        if is_map(field):
            return _map_encoder(self._value_encoder(entry_of(field)[1]))
        encode = self._value_encoder(field)
        return _list_encoder(encode) if field.is_repeated else encode

    def _value_encoder(self, field: FieldDescriptor) -> Encode | None:
        if field.message_type is not None:
            return self.encoder(field.message_type)
        return scalar_encoder(field)


def object_decoder(entries: Mapping[str, Entry], choices: Sequence[Sequence[str]] = ()) -> Decode:
    """What reads an object of these fields; of each choice at most one field may be there."""

    def decode(value: Any, path: Path, flaws: Flaws) -> dict[str, Any] | None:
        if type(value) is not dict:
            flaws.add(path, "WRONG_TYPE", "must be an object")
            return None
        read = {}
        for key, item in value.items():
            entry = entries.get(key)
            if entry is None:
                flaws.add((path, key), "UNKNOWN_FIELD", "there is no such field")
            elif item is None and entry.decode is not well_known.decode_value:
                flaws.add((path, key), "NULL_VALUE", "must not be null: leave it out")
            else:
                found = entry.decode(item, (path, key), flaws)
                if entry.is_kept:
                    read[entry.name] = found
        for names in choices:
            _refuse_second(names, value, path, flaws)
        return read

    return decode


def _object_encoder(steps: Sequence[tuple[str, str, bool, Encode | None]]) -> Encode:
    def encode(message: Any) -> dict[str, Any]:
        said = {}
        for name, key, has_presence, make in steps:
            if has_presence and not message.HasField(name):
                continue
            value = getattr(message, name)
            if make is not None:
                value = make(value)
                if value is OMIT:
                    continue
            said[key] = value
        return said

    return encode


def _list_encoder(encode: Encode | None) -> Encode:
    if encode is None:
        return list
    return lambda values: [said for value in values if (said := encode(value)) is not OMIT]


def _map_encoder(encode: Encode | None) -> Encode:
    """Keys in order, so that equal messages make equal JSON in every process."""
    if encode is None:
        return lambda values: {_key(key): values[key] for key in sorted(values)}

    def encode_map(values: Any) -> dict[str, Any]:
        said = ((_key(key), encode(values[key])) for key in sorted(values))
        return {key: value for key, value in said if value is not OMIT}

    return encode_map


def _key(key: str | int | bool) -> str:
    return str(key).lower() if type(key) is bool else str(key)


def _list_decoder(decode: Decode) -> Decode:
    def decode_list(value: Any, path: Path, flaws: Flaws) -> list[Any] | None:
        if type(value) is not list:
            flaws.add(path, "WRONG_TYPE", "must be an array")
            return None
        read = []
        for place, item in enumerate(value):
            if item is None and decode is not well_known.decode_value:
                flaws.add((path, place), "NULL_VALUE", "must not be null")
            else:
                read.append(decode(item, (path, place), flaws))
        return read

    return decode_list


def _map_decoder(decode_key: Decode, decode: Decode) -> Decode:
    def decode_map(value: Any, path: Path, flaws: Flaws) -> dict[Any, Any] | None:
        if type(value) is not dict:
            flaws.add(path, "WRONG_TYPE", "must be an object")
            return None
        read = {}
        for key, item in value.items():
            if item is None and decode is not well_known.decode_value:
                flaws.add((path, key), "NULL_VALUE", "must not be null")
            else:
                name = decode_key(key, (path, key), flaws)
                read[name] = decode(item, (path, key), flaws)
        return read

    return decode_map


def _key_decoder(field: FieldDescriptor) -> Decode:
    """Keys are strings in JSON: what they stand for is read from that string."""
    decode = scalar_decoder(field)
    read = json_of_text(field)
    return lambda key, path, flaws: decode(read(key), path, flaws)


def _choices_of(message: Descriptor) -> tuple[tuple[str, ...], ...]:
    """The JSON names of the fields of which only one may be there."""
    return tuple(
        tuple(field.json_name for field in choice.fields)
        for choice in message.oneofs
        if len(choice.fields) > 1
    )


def _refuse_second(
    names: Sequence[str], value: Mapping[str, Any], path: Path, flaws: Flaws
) -> None:
    there = [name for name in names if name in value]
    for name in there[1:]:
        flaws.add((path, name), "MORE_THAN_ONE", f"excludes {there[0]}")


def _refuse_output(value: Any, path: Path, flaws: Flaws) -> None:
    flaws.add(path, "OUTPUT_ONLY", "is set by the system")


def _refuse_any(message: Descriptor) -> None:
    if message.full_name == "google.protobuf.Any":
        raise ValueError("google.protobuf.Any is not served: it could hold any type")
