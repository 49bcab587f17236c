"""The table of routes that are not transcoded: what answers each, and what is said of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request

from crm_gateway.serving import Answer, Explain
from crm_gateway.transcoding.faults import Flaws, Malformed
from crm_gateway.transcoding.openapi import OpenApi
from crm_gateway.transcoding.paths import Template
from crm_gateway.transcoding.problems import problem_of
from crm_gateway.transcoding.schema import Method

Operation = dict[str, Any]


@dataclass(frozen=True)
class HttpRoute:
    """A route of our own.

    `operation` makes its part of the document; `method` is the RPC whose permission it needs, None
    where everybody may. `template` is what the path follows, where something in it varies.
    """

    verb: str
    path: str
    answer: Answer
    operation: Callable[[OpenApi], Operation]
    method: Method | None = None
    template: Template | None = None
    explain: Explain = field(default=problem_of)

    def describe(self, builder: OpenApi) -> None:
        """Put it into the document."""
        builder.add(self.path, self.verb, self.operation(builder))


def public(name: str, summary: str, answer: Operation) -> Operation:
    """The operation of a route that everybody may ask."""
    return {
        "operationId": name,
        "tags": ["Gateway"],
        "summary": summary,
        "description": f"{summary}.",
        "security": [],
        "responses": {
            "200": {"description": "The answer.", "content": answer},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }


def refuse_parameters(request: Request) -> None:
    """For routes that take none in the query.

    Raises:
        Malformed: there is one.
    """
    flaws = Flaws("query")
    for name in request.args:
        flaws.add((None, name), "UNKNOWN_PARAMETER", "there is no such parameter")
    if flaws.found:
        raise Malformed(flaws.found)
