"""The unit of work: documents, events, receipt and idempotency record commit together."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from bson.raw_bson import RawBSONDocument
from google.protobuf.message import Message
from pymongo.errors import DuplicateKeyError

from crm_chassis.kernel.clock import MILLISECOND, now
from crm_chassis.kernel.errors import Conflict, Exists, Flaw, Forbidden, NotAllowed, NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import client, database
from crm_chassis.mongo.idempotency import recall, remember
from crm_chassis.resources.claims import claims_of, move_claims
from crm_chassis.resources.complete import complete_row
from crm_chassis.resources.document import Resource
from crm_chassis.resources.etags import refuse_stale
from crm_chassis.resources.event_log import changed_paths, event_row
from crm_chassis.resources.known import Known, lock_all_known, lock_known
from crm_chassis.resources.ledger import receipt_row, write_receipts
from crm_chassis.resources.search import set_words
from crm_chassis.resources.translate import name_of, to_message
from crm_chassis.resources.visibility import admits, is_visible, require
from crm_chassis.telemetry.context import Call, call_scope, current_call
from crm_chassis.telemetry.metrics import EVENTS_RECORDED, child

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound=Resource)
Row = dict[str, Any]
# A row, or one that is encoded already.
Writable = Row | RawBSONDocument


class Announced(NamedTuple):
    """A new row, the event that announces it, and the receipt for that, where it has its own."""

    row: Writable
    event: Writable
    receipt: Writable | None = None


class Transaction:
    """What a command changes documents with; storing announces.

    `now` is the moment of everything that it stores. It may run twice: a command has no other
    effect than through it.
    """

    def __init__(self, session: "ClientSession", call: Call) -> None:
        self.session = session
        self.call = call
        self.now: datetime = now()
        self._events: list[Writable] = []
        self._recorded: Counter[str] = Counter()
        self._told: list[Row] = []
        self._receipts: list[Writable] = []
        self._receipt_for_each = False
        self._afterwards: list[Callable[[], object]] = []

    # Reading

    def load(self, document: type[R], name: str, expecting: str = "") -> R:
        """The resource of that name, to be changed.

        Raises:
            NotFound: there is none, it was deleted, or the caller may not see it.
            Forbidden: the caller may see it, but not do this to it.
            Stale: `expecting` is a tag, and it has changed since.
        """
        found = self._find(document, name)
        if found.delete_time is not None:
            raise NotFound(f"There is no {name}.")
        self.refuse_unless_allowed(document, found.stored)
        refuse_stale(found.version, expecting)
        return found

    def load_deleted(self, document: type[R], name: str, expecting: str = "") -> R:
        """The resource of that name, to be brought back.

        Raises:
            NotFound, Forbidden, Stale: as in `load`.
            NotAllowed: it is not deleted.
        """
        found = self._find(document, name)
        self.refuse_unless_allowed(document, found.stored)
        if found.delete_time is None:
            raise NotAllowed(f"{name} is not deleted.", reason="NOT_DELETED")
        refuse_stale(found.version, expecting)
        return found

    def see(self, document: type[R], name: str) -> R:
        """The resource of that name, to be looked at only.

        Raises:
            NotFound: there is none, it was deleted, or the caller may not see it.
        """
        found = self._find(document, name)
        if found.delete_time is not None:
            raise NotFound(f"There is no {name}.")
        return found

    def refuse_unseen(self, document: type[Resource], name: str) -> None:
        """Raise `NotFound` unless `see` would give the resource; no document is made for that."""
        if "delete_time" in self._find_row(document, name):
            raise NotFound(f"There is no {name}.")

    def hold(self, document: type[Resource], names: Sequence[str]) -> list[str]:
        """The names, held against change until the end: a rule may rest on these documents."""
        for name in names:
            document.rows().update_one(
                document.key_of(name), {"$inc": {"guard": 1}}, session=self.session
            )
        return list(names)

    def known(self, name: str) -> Known:
        """What is known of another service's resource, held against change until the end.

        Raises:
            NotFound: nothing is.
        """
        return lock_known(name, self.session)

    def known_of(self, names: Sequence[str]) -> list[Known]:
        """What is known of those of the names that anything is known of, held as by `known`."""
        return lock_all_known(names, self.session)

    # Changing

    def insert(self, document: R, word: str = "created", slug: str = "") -> R:
        """Store a new resource and announce it; owner and teams are the caller's when not set.

        Its id is made up, but where resources of its kind have a `slug`.

        Raises:
            Exists: its id, or a value that only one may have, is taken.
        """
        self.insert_rows(type(document), [self._fresh(document, slug)], word)
        return document

    def insert_many(self, documents: Sequence[R], word: str = "created") -> None:
        """Store new resources of one kind in few steps; each is announced.

        Raises:
            Exists: as in `insert`.
        """
        kind = type(documents[0])
        self.insert_rows(kind, [self._fresh(document) for document in documents], word)

    def insert_rows(
        self, document: type[Resource], rows: Sequence[Row], word: str = "created"
    ) -> None:
        """Store rows that `prepare_row` has made ready, and announce each.

        Raises:
            Exists: as in `insert`.
        """
        for row in rows:
            claims = claims_of(document, row)
            if claims:
                name = name_of(row, document.collection())
                move_claims({}, claims, name, self.session)
        events = [event_row(document, word, None, row, self.call) for row in rows]
        self._told += events
        self.insert_announced(document, list(map(Announced, rows, events)))

    def insert_announced(self, document: type[Resource], made: Sequence[Announced]) -> None:
        """Store new rows with their events, as `bulk.announced_rows` has made them.

        Their unique values the caller has claimed itself.

        Raises:
            Exists: an id is taken.
        """
        try:
            if len(made) == 1:
                document.rows().insert_one(made[0].row, session=self.session)
            else:
                rows = [each.row for each in made]
                document.rows().insert_many(rows, session=self.session)
        except DuplicateKeyError as error:
            flaw = Flaw("name", "ALREADY_EXISTS", "another one has this name")
            raise Exists("Another one has this name.", flaw) from error
        self._events += (each.event for each in made)
        # All announce the same; one that is encoded already is not cheap to look into.
        self._recorded[made[0].event["type"]] += len(made)
        self._receipts += (each.receipt for each in made if each.receipt is not None)

    def prepare_row(self, document: type[Resource], row: Row) -> Row:
        """Give a new row what storing sets: id, version, times, words, owner and teams."""
        return complete_row(document, row, self.call, self.now)

    def update(self, document: R, word: str = "updated") -> R:
        """Store a loaded resource as its next version and announce it; unchanged, do nothing.

        Raises:
            Conflict: somebody else changed it at the same moment.
            Exists: a value that only one may have is taken.
        """
        before, after = document.stored, document.to_row()
        if not changed_paths(before, after):
            return document
        kind = type(document)
        after["version"] = document.version + 1
        after["update_time"] = max(self.now, document.update_time + MILLISECOND)
        set_words(kind, after)
        claims = claims_of(kind, before), claims_of(kind, after)
        if claims[0] or claims[1]:
            move_claims(*claims, document.name, self.session)
        self._replace(kind, before, after)
        self.announce([event_row(kind, word, before, after, self.call)])
        document.version, document.update_time = after["version"], after["update_time"]
        document.stored = after
        return document

    def delete(self, document: R) -> R:
        """Mark a loaded resource as deleted and announce it; its children are gone with it."""
        document.delete_time = max(self.now, document.update_time + MILLISECOND)
        return self.update(document, "deleted")

    def undelete(self, document: R) -> R:
        """Take the mark away and announce it."""
        document.delete_time = None
        return self.update(document, "undeleted")

    def derive(self, document: type[Resource], match: Mapping[str, Any], **fields: Any) -> int:
        """Set fields beside all resources that match: no version, no event. Gives how many."""
        done = document.rows().update_many(match, {"$set": fields}, session=self.session)
        return int(done.modified_count)

    def announce(self, events: Sequence[Row]) -> None:
        """Let the events of what was changed be stored with it."""
        self._events += events
        self._recorded.update(event["type"] for event in events)
        self._told += events

    def afterwards(self, effect: Callable[[], object]) -> None:
        """Let something be done once what was changed is stored: counting it, for example.

        Not when it is not stored, once when it is tried again, and not when the process dies first.
        """
        self._afterwards.append(effect)

    def settle(self) -> None:
        """Do what was to be done once everything is stored."""
        for type_, count in self._recorded.items():
            child(EVENTS_RECORDED, type_).inc(count)
        for effect in self._afterwards:
            effect()

    # Receipts

    def receipt_for_each_event(self) -> None:
        """Promise each event by a receipt of its own, not all by one: an import's rows."""
        self._receipt_for_each = True

    def close(self) -> None:
        """Store what the changes announced, and the receipt for it.

        A request is always promised something; a message or a timer only when it changed anything.
        """
        if self._events:
            if len(self._events) == 1:
                database()["events"].insert_one(self._events[0], session=self.session)
            else:
                database()["events"].insert_many(self._events, session=self.session)
        if self._receipt_for_each:
            self._receipts += (receipt_row(self.call, self.now, [event]) for event in self._told)
        elif self._told or self.call.is_request:
            self._receipts.append(receipt_row(self.call, self.now, self._told))
        if self._receipts:
            write_receipts(self._receipts, self.session)

    def _find(self, document: type[R], name: str) -> R:
        row = self._find_row(document, name)
        found = document.of_row(row)
        found.stored = row
        return found

    def _find_row(self, document: type[Resource], name: str) -> Row:
        row: Row | None = document.rows().find_one(document.key_of(name), session=self.session)
        if row is None or not self._is_visible(document, row):
            raise NotFound(f"There is no {name}.")
        return row

    def _is_visible(self, document: type[Resource], row: Row) -> bool:
        container = self._container(document, row)
        if container is None:
            return is_visible(document, row, self.call.principal)
        kind, above = container
        if above is None or "delete_time" in above:
            return False
        return is_visible(kind, above, self.call.principal)

    def _container(
        self, document: type[Resource], row: Row
    ) -> tuple[type[Resource], Row | None] | None:
        kind = document.container_document
        if kind is None:
            return None
        return kind, kind.rows().find_one(kind.key_of(row["container"]), session=self.session)

    def refuse_unless_allowed(self, document: type[Resource], found: Row) -> None:
        """Do nothing when the call's right reaches a stored row of the call's collection.

        Raises:
            Forbidden: it does not.
        """
        if document.collection() != self.call.collection:
            return
        level = require(self.call.principal, self.call.collection, self.call.action)
        container = self._container(document, found)
        kind, row = container if container is not None else (document, found)
        if row is None or not admits(kind, row, self.call.principal, level):
            name = name_of(found, document.collection())
            raise Forbidden(f"You may not {self.call.action} {name}.")

    def _fresh(self, document: Resource, slug: str = "") -> Row:
        document.id = slug or new_id()
        row = self.prepare_row(type(document), document.to_row())
        document.id, document.version = row["_id"], row["version"]
        document.create_time, document.update_time = row["create_time"], row["update_time"]
        if "owner" in row:
            document.owner = row["owner"]
        if "teams" in row:
            document.teams = row["teams"]
        document.stored = row
        return row

    def _replace(self, document: type[Resource], before: Row, after: Row) -> None:
        gone = {name: "" for name in before if name not in after and name not in _KEPT}
        change: Row = {"$set": {name: value for name, value in after.items() if name != "_id"}}
        if gone:
            change["$unset"] = gone
        key = {"_id": before["_id"], "version": before["version"]}
        done = document.rows().update_one(key, change, session=self.session)
        if done.matched_count == 0:
            raise Conflict("Somebody else changed it at the same moment.", reason="CONFLICT")


# Beside the resource: a command neither reads nor writes these.
_KEPT = frozenset({"guard"})


def in_transaction(
    command: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run the command in one transaction for the current call, again after a write conflict.

    Raises:
        Replay: the call's idempotency key was answered before.
        Refusal: the command's own; then nothing is stored.
    """
    call = current_call()

    def work(session: "ClientSession") -> tuple[Transaction, T]:
        if call.idempotency is not None:
            recall(call.idempotency, session)
        transaction = Transaction(session, call)
        result = command(transaction, *args, **kwargs)
        transaction.close()
        if call.idempotency is not None:
            remember(call.idempotency, _answer(result), session)
        return transaction, result

    try:
        with client().start_session() as session, session.bind(end_session=False):
            transaction, result = session.with_transaction(work)
    except DuplicateKeyError:
        if call.idempotency is not None:
            recall(call.idempotency)
        raise
    transaction.settle()
    return result


def as_call(
    call: Call,
    command: Callable[Concatenate[Transaction, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run the command in one transaction for another call than the current one."""
    with call_scope(call):
        return in_transaction(command, *args, **kwargs)


def _answer(result: Any) -> bytes:
    if isinstance(result, Resource):
        return to_message(result).SerializeToString()
    if isinstance(result, Message):
        return result.SerializeToString()
    raise TypeError(f"a command that takes idempotency keys answers no {type(result).__name__}")
