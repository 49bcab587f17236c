"""The page as HTML: in one piece, so that nothing else has to be let in."""

from base64 import b64encode
from hashlib import sha256
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crm_gateway.ops import rules, sparkline, words
from crm_gateway.ops.overview import OpsOverview

REFRESH_SECONDS = 10
_NOWHERE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Page:
    """Writes the overview, and tells the policy under which a browser shows it."""

    def __init__(self) -> None:
        environment = Environment(
            loader=PackageLoader(__package__, "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style, script = _text("overview.css"), _text("overview.js")
        environment.globals.update(
            # Files of our own, whose hashes the policy names.
            style=Markup(style),
            script=Markup(script),
            refresh=REFRESH_SECONDS,
            rules=rules,
            words=words,
            sparkline=sparkline,
        )
        self._template = environment.get_template("overview.html")
        self.policy = (
            f"{_NOWHERE}; connect-src 'self'; img-src data:; "
            f"script-src 'sha256-{_digest(script)}'; style-src 'sha256-{_digest(style)}'"
        )

    def html(self, overview: OpsOverview) -> str:
        """The page."""
        return self._template.render(told=overview)


def _text(file: str) -> str:
    return (resources.files(__package__) / "pages" / file).read_text("utf-8")


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
