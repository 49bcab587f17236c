"""The grammar of AIP-160 filters: from text to a tree.

    expression  = sequence {"AND" sequence}      sequence = factor {factor}
    factor      = term {"OR" term}               term     = ["NOT" | "-"] simple
    simple      = comparison | "(" expression ")"
    comparison  = member ("=" | "!=" | "<" | "<=" | ">" | ">=" | ":") value

OR binds closer than AND, as the AIP has it. Bare words without a field are not taken.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from crm_chassis.kernel.errors import Flaw, Invalid

Operator = Literal["=", "!=", "<", "<=", ">", ">=", ":"]
DEEPEST = 32
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator><=|>=|!=|=|<|>|:)
      | (?P<bracket>[()])
      | (?P<word>[^\s"'()<>=!:]+(?::[^\s"'()<>=!:]+)*)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with a value; `quoted` tells a text from a bare word."""

    path: str
    operator: Operator
    value: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Combination:
    """All, any or none of several conditions."""

    how: Literal["and", "or", "not"]
    parts: "tuple[Tree, ...]"


Tree = Comparison | Combination


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse_filter(text: str) -> Tree | None:
    """The tree of a filter; None when the text is blank.

    Raises:
        Invalid: the text is not in the language, or nested deeper than 32.
    """
    tokens = list(_tokens(text))
    return _Parser(tokens).whole() if tokens else None


def refuse_filter(description: str, reason: str = "INVALID_FILTER") -> Invalid:
    """The refusal of a filter."""
    return Invalid("The filter is not valid.", Flaw("filter", reason, description, "query"))


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise refuse_filter(f"cannot be read at character {position + 1}")
        position = match.end()
        yield _Token(match.lastgroup, match.group(match.lastgroup))


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Tree:
        tree = self._expression()
        if self._at < len(self._tokens):
            raise refuse_filter(f"{self._tokens[self._at].text!r} is not expected")
        return tree

    def _expression(self) -> Tree:
        self._depth += 1
        if self._depth > DEEPEST:
            raise refuse_filter(f"is nested deeper than {DEEPEST}")
        parts = [self._factor()]
        while self._take_word("AND") or self._begins_term():
            parts.append(self._factor())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else Combination("and", tuple(parts))

    def _factor(self) -> Tree:
        parts = [self._term()]
        while self._take_word("OR"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Combination("or", tuple(parts))

    def _term(self) -> Tree:
        if self._take_word("NOT"):
            return Combination("not", (self._simple(),))
        token = self._peek()
        if token is not None and token.kind == "word" and token.text.startswith("-"):
            self._tokens[self._at] = _Token("word", token.text[1:])
            if token.text == "-":
                self._at += 1
            return Combination("not", (self._simple(),))
        return self._simple()

    def _simple(self) -> Tree:
        token = self._next()
        if token.text == "(" and token.kind == "bracket":
            tree = self._expression()
            if self._next().text != ")":
                raise refuse_filter("a bracket is not closed")
            return tree
        if token.kind != "word":
            raise refuse_filter(f"{token.text!r} is not a field")
        return self._comparison(token.text)

    def _comparison(self, path: str) -> Tree:
        operator = self._peek()
        if operator is None or operator.kind != "operator":
            path, colon, value = path.partition(":")
            if not colon:
                raise refuse_filter(f"{path!r} is not compared with anything")
            return Comparison(path, ":", value, quoted=False)
        self._at += 1
        token = self._next()
        if token.kind == "text":
            return Comparison(path, _operator(operator), _unquote(token.text), quoted=True)
        if token.kind != "word":
            raise refuse_filter(f"{token.text!r} is not a value")
        return Comparison(path, _operator(operator), token.text, quoted=False)

    def _begins_term(self) -> bool:
        token = self._peek()
        if token is None or token.text == ")" or (token.kind == "word" and token.text == "OR"):
            return False
        return token.kind in {"word", "bracket"}

    def _take_word(self, word: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "word" or token.text != word:
            return False
        self._at += 1
        return True

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise refuse_filter("ends too early")
        self._at += 1
        return token


def _operator(token: _Token) -> Operator:
    return token.text  # type: ignore[return-value]  # the pattern lets no other through


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
