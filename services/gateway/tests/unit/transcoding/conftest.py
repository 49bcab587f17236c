"""An API of its own for the transcoder: one of everything."""

from importlib import resources
from pathlib import Path

import grpc_tools
import pytest
from grpc_tools import protoc

from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import Schema, load_schema

WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
PROTOS = Path(__file__).parent / "protos"


@pytest.fixture(scope="session")
def sample_schema(tmp_path_factory):
    image = tmp_path_factory.mktemp("image") / "sample.binpb"
    with resources.as_file(resources.files("crm.api.v1") / "crm.binpb") as known:
        arguments = [f"--descriptor_set_in={known}", f"-I{PROTOS}", f"-I{WELL_KNOWN}"]
        arguments += ["--include_imports", "--include_source_info", f"-o{image}"]
        arguments.append("crm/sample/v1/sample.proto")
        assert protoc.main(["protoc", *arguments]) == 0
    return Schema(image.read_bytes())


@pytest.fixture(scope="session")
def sample(sample_schema):
    return Bindings(sample_schema)


@pytest.fixture(scope="session")
def suite():
    return Bindings(load_schema())


@pytest.fixture(scope="session")
def messages(sample_schema):
    return {message.name: message for message in sample_schema.messages()}
