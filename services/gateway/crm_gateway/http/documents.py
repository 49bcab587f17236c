"""The OpenAPI document, and a page to browse it that needs nothing from elsewhere."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from importlib import resources

import orjson
from werkzeug.wrappers import Response

from crm_gateway.http.table import HttpRoute, public
from crm_gateway.serving import Answer
from crm_gateway.transcoding.exchange import Exchange
from crm_gateway.transcoding.openapi import document_of
from crm_gateway.transcoding.routes import JSON, Bindings, names_tag

DOCUMENT_PATH = "/v1/openapi.json"
PAGE_PATH = "/docs"
_HTML = "text/html"
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def document_routes(bindings: Bindings, others: Iterable[HttpRoute]) -> list[HttpRoute]:
    """`/v1/openapi.json` with all routes, these included, and `/docs`."""
    page = _page()
    document: list[bytes] = []
    content = {JSON: {"schema": {"type": "object"}}}
    summary = "Gives the OpenAPI document of all routes"
    own = HttpRoute(
        "GET",
        DOCUMENT_PATH,
        _content(lambda: document[0], JSON, _POLICY),
        lambda _builder: public("getOpenapi", summary, content),
    )
    document.append(orjson.dumps(document_of(bindings, [*others, own, page])))
    return [own, page]


def _page() -> HttpRoute:
    """The page in one piece: whatever else it needed would have to be had without a key too."""
    style, script = _text("docs.css"), _text("docs.js")
    page = _text("docs.html").replace("{style}", style).replace("{script}", script).encode()
    policy = (
        f"{_POLICY}; connect-src 'self'; "
        f"script-src 'sha256-{_digest(script)}'; style-src 'sha256-{_digest(style)}'"
    )
    return HttpRoute(
        "GET",
        PAGE_PATH,
        _content(lambda: page, f"{_HTML}; charset=utf-8", policy),
        lambda _builder: public(
            "getDocs",
            "Gives the page to browse the document",
            {_HTML: {"schema": {"type": "string"}}},
        ),
    )


def _text(file: str) -> str:
    return (resources.files(__package__) / "pages" / file).read_text("utf-8")


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _content(content: Callable[[], bytes], media_type: str, policy: str) -> Answer:
    def answer(exchange: Exchange, _values: Mapping[str, str]) -> Response:
        said = content()
        tag = f'"{sha256(said).hexdigest()[:16]}"'
        headers = [("ETag", tag), ("Cache-Control", "no-cache")]
        if names_tag(exchange.request, tag):
            return Response(status=304, headers=headers)
        headers += [("Content-Type", media_type), ("Content-Security-Policy", policy)]
        return Response(said, headers=headers)

    return answer
