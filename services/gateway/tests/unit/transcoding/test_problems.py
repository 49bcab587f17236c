"""Every refusal is a problem, in the words of the document."""

import grpc
import orjson
import pytest
from werkzeug.exceptions import (
    BadRequest,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
)

from crm_chassis.kernel import errors
from crm_chassis.kernel.errors import Flaw
from crm_chassis.rpc.errors import STATUS, internal, status_of
from crm_chassis.rpc.table import LocalError
from crm_gateway.transcoding.faults import Fault, Malformed
from crm_gateway.transcoding.problems import problem_of


class Silence(grpc.RpcError):
    """What gRPC itself raises when nobody answered."""

    def __init__(self, code):
        self._code = code

    def code(self):
        return self._code

    def details(self):
        return "ipv4:10.0.0.1:5001: Failed to connect"

    def trailing_metadata(self):
        return ()


def told(refusal):
    """The refusal as a service's status tells it."""
    return LocalError(status_of(refusal, "contacts.crm"))


def wording(bindings, method):
    return next(bound.wording for bound in bindings.all if bound.method.name == method)


@pytest.mark.parametrize("kind", STATUS)
def test_each_kind_of_refusal_has_its_status(kind):
    refusal = getattr(errors, kind)("It is so.")

    problem = problem_of(told(refusal))

    assert (problem.status, problem.reason) == (STATUS[kind][1], refusal.reason)
    assert problem.detail == "It is so."
    assert problem == problem_of(refusal)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, 503, "UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 504, "TIMEOUT"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "OVERLOADED"),
        (grpc.StatusCode.UNIMPLEMENTED, 501, "NOT_IMPLEMENTED"),
        (grpc.StatusCode.INTERNAL, 500, "INTERNAL"),
        (grpc.StatusCode.UNKNOWN, 500, "INTERNAL"),
        (grpc.StatusCode.DATA_LOSS, 500, "INTERNAL"),
    ],
)
def test_what_the_transport_says_is_not_passed_on(code, status, reason):
    problem = problem_of(Silence(code))

    assert (problem.status, problem.reason) == (status, reason)
    assert "10.0.0.1" not in problem.detail


def test_of_what_every_service_may_have_a_service_without_it_has_none(suite):
    missing = Silence(grpc.StatusCode.UNIMPLEMENTED)

    shared = problem_of(missing, wording(suite, "GetDeadLetter"))
    own = problem_of(missing, wording(suite, "GetContact"))

    assert (shared.status, shared.reason) == (404, "NOT_FOUND")
    assert own.status == 501


def test_an_unexpected_error_shows_nothing_of_itself():
    for error in (KeyError("secret"), LocalError(internal("contacts.crm", "a" * 32))):
        problem = problem_of(error)

        assert (problem.status, problem.reason) == (500, "INTERNAL")
        assert "secret" not in orjson.dumps(problem.document("1")).decode()


@pytest.mark.parametrize(
    ("method", "path", "field", "place"),
    [
        ("CreateContact", "contact.emails[0].address", "emails[0].address", "body"),
        ("CreateContact", "contact.given_name", "givenName", "body"),
        ("CreateContact", 'contact.external_ids["erp"]', "externalIds.erp", "body"),
        ("CreateContact", "contact.external_ids.my_erp", "externalIds.my_erp", "body"),
        ("CreateContact", 'contact.external_ids["a b"]', 'externalIds["a b"]', "body"),
        ("CreateContact", "contact", "", "body"),
        ("CreateContact", "contact.time_zone.nope_here", "timeZone.nopeHere", "body"),
        ("CreateContact", "emails[0].address", "emails[0].address", "body"),
        ("CreateApiKey", "user", "user", "body"),
        ("UpdateContact", "external_ids.erp", "externalIds.erp", "body"),
        ("UpdateContact", "contact.etag", "If-Match", "header"),
        ("UpdateContact", "contact.name", "contact", "path"),
        ("UpdateContact", "update_mask", "updateMask", "query"),
        ("UpdateContact", "contact.positions[1].start_date", "positions[1].startDate", "body"),
        ("GetContact", "name", "contact", "path"),
        ("GetContact", "read_time", "readTime", "query"),
        ("DeleteContact", "etag", "If-Match", "header"),
        ("ListContacts", "page_token", "pageToken", "query"),
        ("UndeleteContact", "etag", "etag", "body"),
        ("MoveOrganization", "parent", "parent", "body"),
        ("CreateInteraction", "parent", "contact", "path"),
        ("GetInteraction", "name", "interaction", "path"),
        ("CreateRole", "role_id", "roleId", "query"),
        ("ReconcileLedger", "end_time", "endTime", "body"),
    ],
)
def test_a_field_is_told_as_the_document_has_it(suite, method, path, field, place):
    flaw = Flaw(path, "NOT_SO", "is not so")

    problem = problem_of(told(errors.Invalid("No.", flaw)), wording(suite, method))

    assert problem.errors == (Fault(field, place, "NOT_SO", "is not so"),)


def test_a_problem_has_the_members_of_rfc_9457():
    problem = problem_of(Malformed([Fault("tags[1]", "body", "WRONG_TYPE", "must be a string")]))

    answer = problem.response("req-1")

    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert orjson.loads(answer.get_data()) == {
        "type": "urn:crm:problem:malformed-request",
        "title": "Bad Request",
        "status": 400,
        "detail": "The request cannot be read.",
        "reason": "MALFORMED_REQUEST",
        "instance": "req-1",
        "errors": [
            {
                "field": "tags[1]",
                "in": "body",
                "reason": "WRONG_TYPE",
                "description": "must be a string",
            }
        ],
    }


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.TooMany("Slower.", retry_after=2.2), "Retry-After", "3"),
        (errors.Unavailable("Away."), "Retry-After", "1"),
        (errors.KeyInUse("Wait.", retry_after=1), "Retry-After", "1"),
        (errors.Unauthenticated("Who?"), "WWW-Authenticate", "Bearer"),
        (MethodNotAllowed(["POST", "GET"]), "Allow", "GET, POST"),
    ],
)
def test_what_to_do_next_is_in_the_headers(error, header, value):
    assert problem_of(error).response("1").headers[header] == value


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (BadRequest("the odd thing"), 400, "MALFORMED_REQUEST"),
        (NotFound(), 404, "NOT_FOUND"),
        (RequestEntityTooLarge(), 413, "TOO_LARGE"),
        (InternalServerError("trace"), 500, "INTERNAL_SERVER_ERROR"),
    ],
)
def test_what_flask_refuses_is_a_problem_too(error, status, reason):
    problem = problem_of(error)

    assert (problem.status, problem.reason) == (status, reason)
    assert problem.detail not in ("the odd thing", "trace")
