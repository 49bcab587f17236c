"""The unified customer view: what all services know of a customer, in one answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from crm.api.v1 import customers_pb2
from werkzeug.wrappers import Response

from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.kernel.errors import Refusal, Unavailable
from crm_chassis.rpc.channels import Answer, Peers
from crm_chassis.telemetry.metrics import child, expect
from crm_gateway.metrics import SILENCES, VIEW_COMPLETENESS, VIEW_RESPONSES, VIEW_SECTIONS
from crm_gateway.transcoding.codec.well_known import encode_instant
from crm_gateway.transcoding.exchange import Authenticate, Exchange
from crm_gateway.transcoding.paths import Template
from crm_gateway.transcoding.problems import Problem
from crm_gateway.transcoding.routes import JSON, Bound
from crm_gateway.transcoding.upstream import Metadata
from crm_gateway.views.asking import Answers, Services, is_silence
from crm_gateway.views.sections import (
    DENIED,
    MISSING,
    OWNERS,
    REBUILDER,
    Shown,
    given,
    missed,
    owned_by,
    rebuildable,
    wanted_sections,
)

# The service that has the customer itself, without whom there is no view.
OWNER = "contacts"
REQUEST = customers_pb2.GetCustomerSectionsRequest
ANSWER = customers_pb2.GetCustomerSectionsResponse
# How long an owner is waited for, and how long who rebuilds what it did not tell.
PATIENCE, REBUILDING = 0.8, 0.5


@dataclass(frozen=True, slots=True)
class View:
    """A view that was put together."""

    sections: Mapping[str, Shown]
    is_complete: bool
    body: bytes

    @property
    def is_full(self) -> bool:
        """Whether nothing is missing that the caller may see."""
        return all(section.reason in ("", DENIED) for section in self.sections.values())

    def response(self) -> Response:
        """The HTTP response that shows it; one that is not complete is not to be kept."""
        kept = "private, no-cache" if self.is_complete else "no-store"
        return Response(self.body, headers=[("Content-Type", JSON), ("Cache-Control", kept)])


class CustomerView:
    """Answers `:customerView` of one collection of customers.

    `bound` is the binding by which `GetCustomerSections` is reached for that collection: its
    customer and its parameters are the view's too.
    """

    def __init__(self, bound: Bound, peers: Peers, authenticate: Authenticate) -> None:
        self.bound = bound
        self.template = _template(bound)
        self.kind = self.template.captures[0].name
        self._services = Services(peers, bound, REQUEST, ANSWER)
        self._authenticate = authenticate
        expect(VIEW_RESPONSES, [self.kind], VIEW_COMPLETENESS)
        sections = wanted_sections((), peers.names)
        expect(VIEW_SECTIONS, [self.kind], sections, ["ok"], [""])
        expect(VIEW_SECTIONS, [self.kind], sections, ["degraded", "omitted"], SILENCES)

    def answer(self, exchange: Exchange, values: Mapping[str, str]) -> Response:
        """The view; what is missing is told of, but for the customer itself.

        Raises:
            Unavailable: the service that has the customer does not answer.
            Refusal: what that service refuses: there is no such customer, the caller may not ask.
            Malformed: the request is not what the document describes.
        """
        token = self._authenticate(exchange.request)
        query = exchange.request.args
        fields = self.bound.binder.read({**values, "service": OWNER}, query, None, None)
        wanted = wanted_sections(fields.get("sections", ()), self._services.names)
        try:
            view = self._view(fields, wanted, exchange.metadata(token))
        except Unavailable:
            VIEW_RESPONSES.labels(self.kind, "failed").inc()
            raise
        self._count(view)
        return view.response()

    def explain(self, error: Exception) -> Problem:
        """What the caller is told of an error, in the words of this route."""
        return self._services.explain(error)

    def _view(self, fields: Mapping[str, Any], wanted: Sequence[str], metadata: Metadata) -> View:
        questions = _questions(fields, wanted, self._services.names)
        is_past = "read_time" in fields
        moment = encode_instant(questions[OWNER].read_time) if is_past else rfc3339(now())
        answers = self._services.ask(questions, metadata, PATIENCE)
        shown = _shown(answers, wanted, moment)
        lost = {name: shown[name] for name in rebuildable(shown, self._services.names)}
        if lost:
            shown.update(self._rebuilt(fields, lost, metadata, moment))
        return view_of(fields["customer"], moment, shown)

    def _rebuilt(
        self,
        fields: Mapping[str, Any],
        lost: Mapping[str, Shown],
        metadata: Metadata,
        moment: str,
    ) -> dict[str, Shown]:
        """What the journal last knew of sections whose owner gave no answer."""
        question = REQUEST(service=REBUILDER, sections=list(lost), **_told(fields))
        answers = self._services.ask({REBUILDER: question}, metadata, REBUILDING)
        known = _given(answers[REBUILDER], list(lost), moment)
        return {name: section.rebuilt(known[name]) for name, section in lost.items()}

    def _count(self, view: View) -> None:
        for name, section in view.sections.items():
            child(VIEW_SECTIONS, self.kind, name, section.outcome, section.because).inc()
        child(VIEW_RESPONSES, self.kind, "full" if view.is_full else "partial").inc()


def _shown(answers: Answers, wanted: Iterable[str], moment: str) -> dict[str, Shown]:
    try:
        first = answers[OWNER].result()
    except Refusal as refusal:
        for answer in answers.values():
            answer.cancel()
        if not is_silence(refusal):
            raise
        detail = "The service that has the customer does not answer."
        raise Unavailable(detail, retry_after=refusal.retry_after) from None
    shown = dict.fromkeys(wanted, MISSING)
    shown.update(given(first, owned_by(OWNER, shown), moment))
    for service, answer in answers.items():
        if service != OWNER:
            shown.update(_given(answer, owned_by(service, shown), moment))
    return shown


def _questions(
    fields: Mapping[str, Any], wanted: Iterable[str], services: Iterable[str]
) -> dict[str, customers_pb2.GetCustomerSectionsRequest]:
    """What to ask each service. The one that has the customer is asked even for none of its own.

    It is the last, whose answer is the first that is needed.
    """
    told = _told(fields)
    there = frozenset(services) - {OWNER}
    others = dict.fromkeys(OWNERS[name] for name in wanted if OWNERS[name] in there)
    return {
        service: REQUEST(service=service, sections=owned_by(service, wanted) or wanted, **told)
        for service in (*others, OWNER)
    }


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What every service is told of a view alike."""
    same = ("customer", "read_time", "show_deleted")
    return {name: fields[name] for name in same if name in fields}


def _given(answer: Answer[Any], names: Sequence[str], moment: str) -> dict[str, Shown]:
    try:
        return dict(given(answer.result(), names, moment))
    except Refusal as refusal:
        return dict.fromkeys(names, missed(refusal))


def view_of(customer: str, moment: str, sections: Mapping[str, Shown]) -> View:
    """The view that shows these sections; what owners gave is put in as it stands."""
    is_complete = not any(section.reason for section in sections.values())
    body = b'{"customer":%b,"readTime":"%b","complete":%b,"sections":{%b}}' % (
        orjson.dumps(customer),
        moment.encode(),
        b"true" if is_complete else b"false",
        b",".join(
            b'"%b":%b' % (name.encode(), section.json()) for name, section in sections.items()
        ),
    )
    return View(sections, is_complete, body)


def _template(bound: Bound) -> Template:
    """`/v1/contacts/{contact}:customerView`, from the template of the RPC's binding."""
    segments = bound.template.variables[("customer",)]
    return Template(("v1", *segments), ":customerView", {("customer",): segments})
