"""A strict TypeScript compiler understands the document, and refuses what it does not say."""

import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

from crm_gateway.app import Parts, routes_of_our_own
from crm_gateway.transcoding.openapi import document_of
from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import load_schema

HERE = Path(__file__).parent
FILES = ("package.json", "tsconfig.json", "program.ts")


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def workshop():
    """A folder with the compiler, made once."""
    modules = HERE / "node_modules"
    wanted = (HERE / "package.json").read_bytes()
    made = modules / ".made"
    if not made.exists() or made.read_bytes() != wanted:
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        run(install, HERE)
        made.write_bytes(wanted)
    return HERE


def test_a_program_against_the_document_compiles(workshop, tmp_path):
    for name in FILES:
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(workshop / "node_modules")
    (tmp_path / "openapi.json").write_bytes(orjson.dumps(document()))

    run(["node_modules/.bin/openapi-typescript", "openapi.json", "-o", "api.d.ts"], tmp_path)
    run(["node_modules/.bin/tsc", "--project", "."], tmp_path)


def document():
    """The document as it is served, uploads and downloads included."""
    bindings = Bindings(load_schema())
    parts = Parts(bindings, upstreams=None, authenticate=lambda _: "")
    return document_of(bindings, routes_of_our_own(parts))
