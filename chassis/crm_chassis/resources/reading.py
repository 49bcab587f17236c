"""Reading resources: one, a page, a search, a history; now or as it was; only what one may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm.api.v1 import history_pb2
from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import container_of, id_of
from crm_chassis.resources.document import Resource
from crm_chassis.resources.event_log import events_of, latest
from crm_chassis.resources.filters import compile_filter
from crm_chassis.resources.pages import (
    Question,
    Sort,
    begin_after,
    next_token,
    parse_order,
    token_values,
)
from crm_chassis.resources.past import find_as_of, message_from_json, refuse_future
from crm_chassis.resources.search import TERMS, WORDS, words_condition
from crm_chassis.resources.translate import message_from_row
from crm_chassis.resources.visibility import condition, is_visible
from crm_chassis.telemetry.context import current_call

Row = dict[str, Any]
Condition = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Messages of a page, and the token of the next one; empty at the end."""

    messages: Sequence[Message]
    next_page_token: str


def find_row(document: type[Resource], name: str, show_deleted: bool = False) -> Row:
    """The stored row of a resource that the caller may see.

    Raises:
        NotFound: there is none, it or what it stands below was deleted, or it may not be seen.
    """
    row: Row | None = document.rows().find_one(document.key_of(name))
    if row is None or ("delete_time" in row and not show_deleted):
        raise NotFound(f"There is no {name}.")
    kind = document.container_document
    if kind is not None:
        find_row(kind, row["container"], show_deleted)
    elif not is_visible(document, row, current_call().principal):
        raise NotFound(f"There is no {name}.")
    return row


def get_resource(
    document: type[Resource],
    name: str,
    read_time: datetime | None = None,
    show_deleted: bool = False,
) -> Message:
    """A resource as it is, or as it was at `read_time`.

    Raises:
        NotFound: as in `find_row`, or it was not there yet.
        Invalid: `read_time` lies in the future.
    """
    if read_time is None:
        return message_from_row(document, find_row(document, name, show_deleted))
    refuse_future(read_time)
    find_row(document, name, show_deleted=True)
    data = _find_then(name, read_time, show_deleted)
    container = container_of(name)
    if container is not None:
        _find_then(container, read_time, show_deleted)
    if document.as_of_stages:
        wanted = [{"$match": {"_id": id_of(name)}}]
        [row] = find_as_of(document, container or "", read_time, wanted, with_today=False)
        data = row["data"]
    return message_from_json(document, data)


def list_resources(document: type[Resource], question: Question) -> Page:
    """A page of the resources that the caller may see and the question asks for.

    Raises:
        Invalid: filter, order, page token or read time are not valid.
        NotFound: what the resources stand below is not there.
    """
    wanted = compile_filter(document.descriptor(), question.filter)
    order = parse_order(document.descriptor(), question.order_by)
    seen = _visible(document, question)
    if question.read_time is not None:
        return _list_as_of(document, question, wanted, (order, seen))
    parts = [part for part in (wanted, seen, _standing(question)) if part]
    if question.container:
        parts.append({"container": question.container})
    return _page(document, question, order, parts)


def search_resources(document: type[Resource], query: str, question: Question) -> Page:
    """A page of the resources whose words begin with those of the query, by display name.

    Raises:
        Invalid: the page token is not valid.
    """
    order = [Sort("display_name", 1), Sort("_id", 1)]
    seen = condition(document, current_call().principal)
    parts = [words_condition(document, query), seen, _standing(question)]
    return _page(document, question, order, [part for part in parts if part])


def history_of(document: type[Resource], name: str, question: Question) -> Page:
    """A page of the changes of a resource, newest first.

    Raises:
        NotFound: there is no such resource, or it may not be seen.
        Invalid: the page token is not valid.
    """
    find_row(document, name, show_deleted=True)
    order = [Sort("sequence", -1)]
    values = token_values(question, 1)
    before = values[0] if values is not None else None
    rows = events_of(name, before, question.size + 1)
    changes = [
        _change(row, rows[index + 1] if index + 1 < len(rows) else None)
        for index, row in enumerate(rows[: question.size])
    ]
    if len(rows) <= question.size:
        return Page(changes, "")
    return Page(changes, next_token(question, order, rows[question.size - 1]))


def _visible(document: type[Resource], question: Question) -> Condition:
    kind = document.container_document
    if kind is None:
        return condition(document, current_call().principal)
    if question.read_time is None:
        find_row(kind, question.container, question.show_deleted)
        return {}
    refuse_future(question.read_time)
    find_row(kind, question.container, show_deleted=True)
    _find_then(question.container, question.read_time, question.show_deleted)
    return {}


def _find_then(name: str, read_time: datetime, show_deleted: bool) -> Row:
    """The JSON of a resource as its log knew it at a moment.

    Raises:
        NotFound: it was not there yet, or was deleted.
    """
    event = latest(name, read_time)
    if event is None or ("deleteTime" in event["data"] and not show_deleted):
        raise NotFound(f"There was no {name} then.")
    data: Row = event["data"]
    return data


def _standing(question: Question) -> Condition:
    return {} if question.show_deleted else {"delete_time": None}


def _page(
    document: type[Resource], question: Question, order: Sequence[Sort], parts: list[Condition]
) -> Page:
    values = token_values(question, len(order))
    if values is not None:
        parts.append(begin_after(order, values))
    found = document.rows().find({"$and": parts} if parts else {}, {WORDS: 0, TERMS: 0})
    rows = list(
        found.sort([(sort.stored, sort.direction) for sort in order]).limit(question.size + 1)
    )
    messages = [message_from_row(document, row) for row in rows[: question.size]]
    return Page(messages, _next(question, order, rows))


def _next(question: Question, order: Sequence[Sort], rows: Sequence[Row]) -> str:
    if len(rows) <= question.size:
        return ""
    return next_token(question, order, rows[question.size - 1])


def _list_as_of(
    document: type[Resource],
    question: Question,
    wanted: Condition,
    order_and_seen: tuple[Sequence[Sort], Condition],
) -> Page:
    order, seen = order_and_seen
    parts = [part for part in (wanted, _as_of_today(seen)) if part]
    if not question.show_deleted:
        parts.append({"data.deleteTime": None})
    values = token_values(question, len(order))
    if values is not None:
        parts.append(begin_after(order, values))
    stages: list[Row] = [{"$match": {"$and": parts}}] if parts else []
    stages.append({"$sort": {sort.stored: sort.direction for sort in order}})
    stages.append({"$limit": question.size + 1})
    assert question.read_time is not None
    moment, with_today = question.read_time, bool(seen)
    rows = find_as_of(document, question.container, moment, stages, with_today=with_today)
    messages = [message_from_json(document, row["data"]) for row in rows[: question.size]]
    return Page(messages, _next(question, order, rows))


def _as_of_today(seen: Condition) -> Condition:
    """The condition of what one may see, asked of today's rows: `now.owner`."""
    return {
        name if name.startswith("$") else f"now.{name}": (
            [_as_of_today(part) for part in value] if name.startswith("$") else value
        )
        for name, value in seen.items()
    }


def _change(row: Row, before: Row | None) -> Message:
    """One entry of a history: the change and its fields before and after."""
    earlier: Mapping[str, Any] = before["data"] if before is not None else {}
    change = history_pb2.Change(
        event=row["_id"],
        type=row["type"],
        time=row["time"],
        sequence=row["sequence"],
        actor=row["actor"],
        causation=row["causationid"],
        correlation=row["correlationid"],
        erased=not row["salt"],
    )
    for path in row["paths"]:
        field = change.fields.add(path=path)
        _set_value(field.before, earlier, path)
        _set_value(field.after, row["data"], path)
    return change


def _set_value(value: struct_pb2.Value, data: Mapping[str, Any], path: str) -> None:
    if data.get(path) not in (None, "", [], {}):
        json_format.ParseDict(data[path], value)


def exists(document: type[Resource], name: str) -> bool:
    """Whether the resource stands and the caller may see it."""
    try:
        find_row(document, name)
    except NotFound:
        return False
    return True


def count_in(document: type[Resource], container: str) -> int:
    """How many resources stand below another one."""
    return int(document.rows().count_documents({"container": container, "delete_time": None}))
