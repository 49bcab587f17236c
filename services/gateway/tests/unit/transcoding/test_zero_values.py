"""What the protos require is what they call required: an empty message breaks no other rule."""

import importlib

import protovalidate
import pytest
from google.protobuf import descriptor_pool, message_factory

from crm_gateway.transcoding.schema import load_schema

SCHEMA = load_schema()
MESSAGES = list(SCHEMA.messages())


def generated(described):
    """The class of a message in the code that services use."""
    module = described.file.name.removesuffix(".proto").replace("/", ".") + "_pb2"
    importlib.import_module(module)
    found = descriptor_pool.Default().FindMessageTypeByName(described.full_name)
    return message_factory.GetMessageClass(found)


@pytest.mark.parametrize("described", MESSAGES, ids=lambda one: one.full_name)
def test_an_empty_message_lacks_exactly_what_is_required(described):
    required = {field.name for field in described.fields if "REQUIRED" in SCHEMA.behaviors(field)}

    violations = protovalidate.collect_violations(generated(described)())

    lacking = {violation.proto.field.elements[0].field_name for violation in violations}
    assert lacking == required
