"""Asking several services the same thing at once, each within its time."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from crm_chassis.kernel.errors import Forbidden, Overdue, Refusal, TooMany, Unavailable
from crm_chassis.rpc.channels import Answer, Peers
from crm_chassis.rpc.hops import Hop
from crm_gateway.transcoding.problems import Problem, problem_of
from crm_gateway.transcoding.routes import Bound
from crm_gateway.transcoding.schema import MessageClass
from crm_gateway.transcoding.upstream import GATEWAY, Metadata

Answers = Mapping[str, Answer[Any]]


class Services:
    """The other services as they answer one RPC that all of them have."""

    def __init__(
        self, peers: Peers, bound: Bound, request_class: MessageClass, answer_class: MessageClass
    ) -> None:
        self._peers = peers
        self._bound = bound
        self._serialize, self._parse = request_class.SerializeToString, answer_class.FromString
        self._hops: dict[str, Hop] = {}
        self.names = tuple(name for name in peers.names if name != GATEWAY)

    def ask(self, questions: Mapping[str, Message], metadata: Metadata, patience: float) -> Answers:
        """The answers to come, by service; each is given up after `patience` seconds.

        All are asked at once, and the last one is waited for.
        """
        *others, last = questions
        answers: dict[str, Answer[Any]] = {
            service: Answer.begin(self._hop(service), questions[service], patience, metadata)
            for service in others
        }
        answers[last] = Answer.wait(self._hop(last), questions[last], patience, metadata)
        return answers

    def explain(self, error: Exception) -> Problem:
        """What the caller is told of an error: where, in the words of the route."""
        if isinstance(error, Refusal) and error.__cause__ is not None:
            return problem_of(error.__cause__, self._bound.wording)  # type: ignore[arg-type]
        return problem_of(error, self._bound.wording)

    def _hop(self, service: str) -> Hop:
        hop = self._hops.get(service)
        if hop is None:
            path = self._bound.method.path
            hop = self._peers.hop(service, path, self._serialize, self._parse)
            self._hops[service] = hop
        return hop


def is_silence(refusal: Refusal) -> bool:
    """Whether a service gave no answer, rather than one that says no."""
    return isinstance(refusal, Unavailable | Overdue | TooMany)


def missing_reason(refusal: Refusal) -> str:
    """Why there is nothing from a service, as the caller is told."""
    if isinstance(refusal, Overdue):
        return "TIMEOUT"
    if isinstance(refusal, Forbidden):
        return "DENIED"
    return "UNAVAILABLE"
