"""Whether Kubernetes and the operators would take a document, as far as schemas can tell."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from kubernetes_validate import utils

from chart.rendering import KUBERNETES

OWN = Path(__file__).with_name("schemas")
# Each document would read a megabyte of definitions anew.
utils.schema_contents = cache(utils.schema_contents)


def complaint(document: dict[str, Any]) -> str:
    """What is wrong with a document, with its name; nothing when all is well."""
    name = f"{document['kind']} {document['metadata'].get('name')}"
    schema = OWN / f"{document['kind']}.json"
    if schema.exists():
        validator = Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))
        found = [f"{error.json_path} {error.message}" for error in validator.iter_errors(document)]
        return "; ".join([name, *found]) if found else ""
    try:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    except (utils.ValidationError, utils.SchemaNotFoundError) as error:
        return f"{name}: {error.message}"
    return ""
