"""What the OpenAPI document says of the views."""

from collections.abc import Iterable, Mapping
from typing import Any

from crm_gateway.transcoding.openapi import OpenApi, refusals
from crm_gateway.transcoding.routes import JSON, Bound
from crm_gateway.views.sections import OWNERS

Document = dict[str, Any]

_INSTANT: Mapping[str, str] = {"type": "string", "format": "date-time"}
_REFUSALS = (400, 401, 403, 404, 429, 503, 504)
_WHOLE = "The view is there as long as the customer is: what else is missing is told of."
_SECTIONS_WORDS = (
    "The sections wanted, with commas between; without it all whose service is there: "
    f"{', '.join(OWNERS)}."
)
_SECTION: Document = {
    "type": "object",
    "description": "One section: what a service knows of the customer, or why that is missing.",
    "required": ["status"],
    "properties": {
        "status": {
            "type": "string",
            "enum": ["ok", "degraded", "omitted"],
            "description": "`degraded` is the last known state, `asOf` tells of when.",
        },
        "reason": {
            "type": "string",
            "description": "Why it is not `ok`: `TIMEOUT`, `UNAVAILABLE`, `DENIED`.",
        },
        "asOf": {**_INSTANT, "description": "The moment that the data speaks of."},
        "data": {"type": "object", "additionalProperties": True},
    },
}
_VIEW: Document = {
    "type": "object",
    "description": "What all services know of a customer.",
    "required": ["customer", "readTime", "complete", "sections"],
    "properties": {
        "customer": {"type": "string", "description": "The name of the customer."},
        "readTime": {**_INSTANT, "description": "The moment that was asked for, else now."},
        "complete": {"type": "boolean", "description": "Whether every section is `ok`."},
        "sections": {
            "type": "object",
            "properties": {
                name: {"$ref": "#/components/schemas/CustomerViewSection"} for name in OWNERS
            },
            "additionalProperties": False,
        },
    },
}
_RESULT: Document = {
    "type": "object",
    "description": "A resource that was found.",
    "required": ["name", "type", "displayName", "snippet"],
    "properties": {
        "name": {"type": "string", "description": "The resource name."},
        "type": {"type": "string", "description": "The resource type, such as `crm/Contact`."},
        "displayName": {"type": "string", "description": "How people call it."},
        "snippet": {"type": "string", "description": "What it was found by, in a line."},
    },
}
_RESULTS: Document = {
    "type": "object",
    "description": "A page of what was found in all services.",
    "required": ["results", "nextPageToken", "unavailable"],
    "properties": {
        "results": {"type": "array", "items": {"$ref": "#/components/schemas/FoundResource"}},
        "nextPageToken": {
            "type": "string",
            "description": "Where the next page begins; empty at the end.",
        },
        "unavailable": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The services that did not answer.",
        },
    },
}


def describe_view(builder: OpenApi, bound: Bound, kind: str) -> Document:
    """The operation that gives the view of a customer of this kind."""
    builder.components.schemas |= {"CustomerViewSection": _SECTION, "CustomerView": _VIEW}
    parameters = _without_service(builder, bound)
    for parameter in parameters:
        if parameter["name"] == "sections":
            parameter |= {"description": _SECTIONS_WORDS, "style": "form", "explode": False}
            parameter["schema"] = {"type": "array", "minItems": 1, "items": {"enum": list(OWNERS)}}
    article = "an" if kind[0] in "aeiou" else "a"
    return {
        **builder.declared(bound.method, f"get{kind.capitalize()}CustomerView"),
        "summary": f"Gives what all services know of {article} {kind}",
        "description": f"{_WHOLE}\n\n{_needs(bound)}",
        "parameters": parameters,
        "responses": {**_answer("CustomerView"), **refusals(_REFUSALS)},
    }


def describe_search(builder: OpenApi, bound: Bound) -> Document:
    """The operation that searches all services."""
    builder.components.schemas |= {"FoundResource": _RESULT, "SearchResults": _RESULTS}
    words = "Finds resources by the beginnings of their words, by display name."
    return {
        **builder.declared(bound.method, "search"),
        "summary": "Finds resources of all services",
        "description": f"{words}\n\n{_needs(bound)}",
        "parameters": _without_service(builder, bound),
        "responses": {**_answer("SearchResults"), **refusals(_REFUSALS)},
    }


def _without_service(builder: OpenApi, bound: Bound) -> list[Document]:
    """The parameters of the RPC but the service: the view asks all."""
    told: Iterable[Document] = builder.parameters(bound)
    return [parameter for parameter in told if parameter["name"] != "service"]


def _needs(bound: Bound) -> str:
    return f"Needs {bound.method.permission} on `{bound.method.collection}`."


def _answer(schema: str) -> Document:
    content = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"200": {"description": "The answer.", "content": content}}
