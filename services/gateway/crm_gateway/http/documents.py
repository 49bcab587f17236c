"""The OpenAPI document, and a page to browse it that needs nothing from elsewhere."""

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
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGES: Mapping[str, tuple[str, str, str]] = {
    "/docs": ("docs.html", "text/html; charset=utf-8", "getDocs"),
    "/docs/docs.js": ("docs.js", "text/javascript; charset=utf-8", "getDocsScript"),
    "/docs/docs.css": ("docs.css", "text/css; charset=utf-8", "getDocsStyle"),
}


def document_routes(bindings: Bindings, others: Iterable[HttpRoute]) -> list[HttpRoute]:
    """`/v1/openapi.json` with all routes, these included, and `/docs`."""
    pages = [_page(path, *page) for path, page in _PAGES.items()]
    document: list[bytes] = []
    content = {JSON: {"schema": {"type": "object"}}}
    summary = "Gives the OpenAPI document of all routes"
    own = HttpRoute(
        "GET",
        DOCUMENT_PATH,
        _content(lambda: document[0], JSON),
        lambda _builder: public("getOpenapi", summary, content),
    )
    document.append(orjson.dumps(document_of(bindings, [*others, own, *pages])))
    return [own, *pages]


def _page(path: str, file: str, media_type: str, name: str) -> HttpRoute:
    content = (resources.files(__package__) / "pages" / file).read_bytes()
    schema = {media_type.partition(";")[0]: {"schema": {"type": "string"}}}
    return HttpRoute(
        "GET",
        path,
        _content(lambda: content, media_type),
        lambda _builder: public(name, "Gives the page to browse the document", schema),
    )


def _content(content: Callable[[], bytes], media_type: str) -> Answer:
    def answer(exchange: Exchange, _values: Mapping[str, str]) -> Response:
        said = content()
        tag = f'"{sha256(said).hexdigest()[:16]}"'
        headers = [("ETag", tag), ("Cache-Control", "no-cache")]
        if names_tag(exchange.request, tag):
            return Response(status=304, headers=headers)
        headers += [("Content-Type", media_type), ("Content-Security-Policy", _POLICY)]
        return Response(said, headers=headers)

    return answer
