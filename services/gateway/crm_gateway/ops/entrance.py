"""Who may see the page: an API key with the right to it, as a browser can show one too."""

import binascii
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace

from crm_chassis.kernel.errors import Forbidden
from crm_chassis.telemetry.context import Principal
from crm_gateway.transcoding.exchange import Exchange
from crm_gateway.transcoding.problems import Problem, problem_of

# The right: there are no parts of the page that belong to somebody, so it is all or nothing.
COLLECTION, ACTION, LEVEL = "ops", "READ", "ALL"
CHALLENGE = 'Basic realm="CRM operations: any name, an API key as the password", charset="UTF-8"'

# Tells who asks by the value of an `Authorization` header, or refuses it.
Identify = Callable[[str], Principal]


def let_in(exchange: Exchange, identify: Identify) -> None:
    """Go on only for whoever may see how the installation does.

    Raises:
        Unauthenticated, Unavailable, Overdue: it is not known who asks.
        Forbidden: they may not.
    """
    principal = identify(as_bearer(exchange.request.headers.get("Authorization", "")))
    if principal.level(COLLECTION, ACTION) != LEVEL:
        raise Forbidden("You may not see how the installation does.")


def as_bearer(authorization: str) -> str:
    """The header with the key as programs show it; a browser has it as the password (RFC 7617)."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return authorization
    try:
        _, _, password = b64decode(text.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        password = ""
    return f"Bearer {password}"


def explain(error: Exception) -> Problem:
    """What a refusal tells; a browser that shows no key is told to ask for one."""
    return replace(problem_of(error), challenge=CHALLENGE)
