"""What must hold of every answer beside what schemathesis checks by itself."""

from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import schemathesis
from contract.problems import problem
from contract.whole import OF_THE_MOMENT

from crm_chassis.testing.suite import Answer
from crm_chassis.testing.waiting import wait_until

# Why a request may be refused although the document describes it: JSON Schema has no words for it.
_LANGUAGES = {"INVALID_FILTER", "INVALID_ORDER", "UNKNOWN_FIELD"}
_TOKENS = {"INVALID_PAGE_TOKEN", "PAGE_TOKEN_OF_ANOTHER_LIST"}
_LISTS = {
    f"UNKNOWN_{name}" for name in ("CALENDAR_DAY", "LANGUAGE", "TIME_ZONE", "REGION", "CURRENCY")
}
# Rules between fields, on what is there, or on bytes where the document counts characters.
_RULES = {
    "NAMELESS",
    "TWO_PRIMARIES",
    "OUT_OF_RANGE",
    "ENDS_BEFORE_START",
    "IN_THE_FUTURE",
    "REFERENCE_NOT_FOUND",
    "OWN_ANCESTOR",
    "STRING_MAX_BYTES",
    "NO_OPEN_STAGE",
    "REPEATED",
    "UNKNOWN_STAGE",
    "CLOSED_STAGE",
    "INVALID_AMOUNT",
}
# What a file says, and how it is to be read, have to go together.
_FILES = {"EMPTY_FILE", "UNKNOWN_COLUMN", "AMBIGUOUS_COLUMN", "AMBIGUOUS_MATCH", "MISSING_MATCH"}
_FILES |= {"FILLED_TWICE", "NOT_FILLED", "TOO_MANY_CELLS"}
# What campaigns say, and when they are to be sent.
_RULES |= {"INVALID_TEMPLATE", "IN_THE_PAST"}
# What a mask names and the body has not is cleared, and may be REQUIRED.
_MASKS = {"STRING_MIN_LEN", "ENUM_NOT_IN", "STRING_EMAIL_EMPTY", "STRING_PATTERN", "READ_ONLY"}
_MASKS |= {"REPEATED_MIN_ITEMS"}
EXPLAINED = _LANGUAGES | _TOKENS | _LISTS | _RULES | _FILES
# Of a request that is refused as a whole.
STATES = {"IDEMPOTENCY_KEY_REUSED", "NOT_DELETED", "BUILT_IN_ROLE", "REVOKED", "STALE"}
STATES |= {"DEAL_CLOSED", "DEAL_OPEN", "LAST_STAGE", "STAGE_IN_USE", "PIPELINE_IN_USE"}
STATES |= {"CASE_NEW", "CASE_OPEN", "CASE_PENDING", "CASE_RESOLVED", "CASE_CLOSED"}

STATES |= {f"CAMPAIGN_{state}" for state in ("DRAFT", "SENDING", "SENT", "CANCELLED", "STARTED")}
STATES |= {"AUDIENCE_DELETED"}


@schemathesis.check
def valid_requests_are_taken(_ctx: Any, response: Any, case: Any) -> None:
    """A request that the document describes is answered, or refused for a reason we can name."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code in (400, 412, 422, 428):
        told = response.json()
        reasons = {error["reason"] for error in told.get("errors", ())} or {told["reason"]}
        named = EXPLAINED | STATES | (_MASKS if case.method == "PATCH" else set())
        assert reasons <= named, f"{reasons - named}: {told}"


@schemathesis.check
def nobody_breaks_down(_ctx: Any, response: Any, _case: Any) -> None:
    """No request breaks anything. Who could not answer in time answers when asked again."""
    status = response.status_code
    if status in OF_THE_MOMENT:
        status = wait_until(lambda: _status_of_another_try(response.request), timeout=30, every=0.5)
    assert status < 500, f"{status} after {response.status_code}"


def _status_of_another_try(request: Any) -> int:
    """The status that the same request gets now; 0 when it is one of the moment again."""
    again = Request(request.url, request.body, dict(request.headers), method=request.method)
    try:
        with urlopen(again, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        return 0 if error.code in OF_THE_MOMENT else error.code


@schemathesis.check
def refusals_are_problems(_ctx: Any, response: Any, case: Any) -> None:
    """Whatever is refused is a problem that tells nothing of what is inside."""
    if response.status_code < 400 or case.method == "HEAD":
        return
    if response.status_code == 414:
        return  # the server refuses a first line that is too long before it knows what it asks
    headers = {name: values[0] for name, values in response.headers.items()}
    problem(Answer(response.status_code, headers, response.content), response.status_code)
