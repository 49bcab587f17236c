"""Changes of imports: taking in the file, and storing its rows batch by batch."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from crm.api.v1 import operations_pb2
from crm.contacts.v1 import contacts_pb2
from gridfs import NoFile

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import (
    Exists,
    Flaw,
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    TooLarge,
    refuse_flaws,
)
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import operations
from crm_chassis.mongo.connection import database
from crm_chassis.mongo.idempotency import Replay
from crm_chassis.mongo.schedule import schedule
from crm_chassis.resources.bulk import update_rows
from crm_chassis.resources.claims import holders_of, take_claims
from crm_chassis.resources.event_log import changed_paths
from crm_chassis.resources.transaction import Announced, Transaction, as_call, in_transaction
from crm_chassis.resources.translate import message_from_row
from crm_chassis.resources.validation import flaws
from crm_chassis.telemetry.context import current_call
from crm_contacts.contacts.commands import settle_row
from crm_contacts.contacts.documents import Contact
from crm_contacts.imports.documents import bad_row_id, bad_rows, files, importable_fields
from crm_contacts.imports.queries import (
    File,
    Key,
    contacts_by_key,
    layout_of,
    stored_contacts,
)
from crm_contacts.imports.rules import (
    Decision,
    Mode,
    Plan,
    Values,
    decide,
    overlay,
    plan_of,
    reason_of,
)

IMPORT, DISCARD = "contacts:import", "imports:discard"
LARGEST = 256 * 1024 * 1024
# How long an upload may take to become an operation, and how often it is then looked after.
KEPT = timedelta(hours=1)
_HEAD = 256 * 1024
_MOST_CHARACTERS, _CUT = 1_000_000, 1_000
# The name of a contact that a dry run would have made.
PENDING = ""
Row = dict[str, Any]


def import_contacts(
    requests: Iterable[contacts_pb2.ImportContactsRequest],
) -> operations_pb2.Operation:
    """Take in a file, and answer the operation that will take over its contacts.

    Raises:
        Invalid: the configuration or the header is wrong, or there is no file.
        TooLarge: the file is.
    """
    arriving = iter(requests)
    config = _config_of(next(arriving, None))
    plan = plan_of_config(config)
    file_id = new_id()
    # Whatever becomes of the upload, somebody takes it away.
    housekeeping = replace(current_call(), method="imports/upload", idempotency=None)
    as_call(housekeeping, schedule, DISCARD, file_id, now() + KEPT)
    with _taken_away_after(file_id, Exception):
        _upload(file_id, arriving)
        _refuse_wrong_header(file_id, plan)
    # After any other error nobody knows yet whether the operation is there, and needs the file.
    with _taken_away_after(file_id, Refusal, Replay):
        return in_transaction(start_import, file_id, config)


def plan_of_config(config: Mapping[str, Any]) -> Plan:
    """The plan that a configuration describes, as an operation keeps it.

    Raises:
        Invalid: it describes none.
    """
    return plan_of(
        dict(config["columns"]),
        config["mode"],
        config["match_by"],
        config["dry_run"],
        importable_fields(),
    )


def start_import(tx: Transaction, file_id: str, config: Row) -> operations_pb2.Operation:
    """Store the operation; it looks after its file from now on."""
    row = operations.start(tx, "contacts", IMPORT, {"file": file_id, "config": config})
    schedule(tx, DISCARD, file_id, tx.now + KEPT, {"operation": row["_id"]})
    return operations.to_message(row)


def discard_upload(tx: Transaction, file_id: str, operation_id: str | None) -> None:
    """Take an uploaded file away, unless its operation goes on."""
    if operation_id is not None and not _is_done(operation_id):
        schedule(tx, DISCARD, file_id, tx.now + KEPT, {"operation": operation_id})
        return
    database()["imports.chunks"].delete_many({"files_id": file_id}, session=tx.session)
    database()["imports.files"].delete_one({"_id": file_id}, session=tx.session)


def _is_done(operation_id: str) -> bool:
    try:
        return bool(operations.find(operation_id)["done"])
    except NotFound:
        return True


@contextmanager
def _taken_away_after(file_id: str, *errors: type[Exception]) -> Iterator[None]:
    """Take the uploaded file away at once when one of the errors is raised within."""
    try:
        yield
    except errors:
        with suppress(NoFile):
            files().delete(file_id)
        raise


def _config_of(first: contacts_pb2.ImportContactsRequest | None) -> Row:
    if first is None or not first.HasField("config"):
        flaw = Flaw("config", "REQUIRED", "comes before the file")
        raise Invalid("There is no configuration.", flaw)
    config = first.config
    return {
        "columns": sorted([column, path] for column, path in config.columns.items()),
        "mode": contacts_pb2.ImportConfig.Mode.Name(config.mode),
        "match_by": list(config.match_by),
        "dry_run": config.dry_run,
    }


def _upload(file_id: str, requests: Iterator[contacts_pb2.ImportContactsRequest]) -> None:
    size = 0
    with files().open_upload_stream_with_id(file_id, "contacts.csv") as stream:
        for request in requests:
            if request.HasField("config"):
                flaw = Flaw("config", "REPEATED", "comes once, before the file")
                raise Invalid("There is a second configuration.", flaw)
            size += len(request.chunk)
            if size > LARGEST:
                raise TooLarge("A file of contacts has 256 MiB at the most.")
            stream.write(request.chunk)


def _refuse_wrong_header(file_id: str, plan: Plan) -> None:
    layout = layout_of(file_id, plan.targets, _HEAD)
    File(file_id, layout, plan.targets).close()


@dataclass(slots=True)
class Prepared:
    """A record that was read: the row to make of it, that and its event, the values to change by.

    Once it is made ready the row is gone: `made` has it in bytes, and `name` is what the contact is
    called. `faults` are why it cannot be taken at all, `flaws` why no contact can be made of it.
    """

    number: int
    cells: Sequence[str]
    row: Row = field(default_factory=dict)
    made: Announced | None = None
    placed: Values = field(default_factory=dict)
    keys: Sequence[Key] = ()
    claims: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[Flaw] = ()
    flaws: Sequence[Flaw] = ()
    name: str = ""


@dataclass
class Outcome:
    """What became of a batch: how many rows were created, updated, skipped and failed.

    `pending` holds the keys and claims of contacts that a dry run would have made.
    """

    pending: set[Key | str]
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[Row] = field(default_factory=list)


def keep_header(tx: Transaction, operation_id: str, header: Sequence[str]) -> None:
    """Remember what the columns of bad rows are called."""
    row = {"_id": bad_row_id(operation_id, 0), "cells": _kept(header), "reason": "reason"}
    bad_rows().insert_one(row, session=tx.session)


def store_batch(
    tx: Transaction,
    operation_id: str,
    plan: Plan,
    batch: Sequence[Prepared],
    pending: Iterable[Key | str] = (),
) -> Outcome:
    """Take over the rows of a batch; one that cannot be taken is kept with its reason.

    `pending` is what earlier batches of a dry run left.
    """
    tx.receipt_for_each_event()
    outcome = Outcome(set(pending))
    for wave in _waves(batch):
        _Wave(tx, plan, wave, outcome).store()
    if outcome.bad:
        rows = [{**row, "_id": bad_row_id(operation_id, row["_id"])} for row in outcome.bad]
        bad_rows().insert_many(rows, session=tx.session)
    return outcome


def _kept(cells: Sequence[str]) -> list[str]:
    """The cells as they are kept of a bad row: cut where they would not fit in a document."""
    is_huge = sum(map(len, cells)) > _MOST_CHARACTERS
    return [cell[:_CUT] for cell in cells] if is_huge else list(cells)


def _waves(batch: Iterable[Prepared]) -> Iterator[list[Prepared]]:
    """Rows in their order, cut before one that could match another one just made."""
    wave: list[Prepared] = []
    seen: set[Key] = set()
    for prepared in batch:
        if not seen.isdisjoint(prepared.keys):
            yield wave
            wave, seen = [], set()
        wave.append(prepared)
        seen.update(prepared.keys)
    if wave:
        yield wave


class _Wave:
    """Rows of which none matches another, and what they meet in the database."""

    def __init__(
        self, tx: Transaction, plan: Plan, rows: Sequence[Prepared], outcome: Outcome
    ) -> None:
        self.tx, self.plan, self.rows, self.outcome = tx, plan, rows, outcome
        self.found = contacts_by_key(key for row in rows for key in row.keys)
        self.taken = holders_of([claim for row in rows for claim in row.claims])
        self.new: list[tuple[Prepared, Announced]] = []
        changing = set().union(*self.found.values()) if plan.mode is not Mode.CREATE else ()
        self.stored = stored_contacts(changing)
        self.changed: dict[str, Row] = {}

    def store(self) -> None:
        """Do with each row what is to be done with it."""
        for row in self.rows:
            try:
                what = self._take(row)
            except (Invalid, Exists, Forbidden, NotFound) as refusal:
                what = "failed"
                reason = reason_of(refusal.flaws) or refusal.detail
                bad = {"_id": row.number, "cells": _kept(row.cells), "reason": reason}
                self.outcome.bad.append(bad)
            self.outcome.counts[what] += 1
        if self.new:
            self._create()
        if self.changed:
            self._change()

    def _take(self, row: Prepared) -> str:
        refuse_flaws(row.faults)
        names = self._matches(row)
        decision = decide(self.plan.mode, len(names))
        if decision is Decision.SKIP:
            return "skipped"
        if decision is Decision.UPDATE:
            [name] = names
            self._claim(row, name)
            return self._update(name, row)
        refuse_flaws(row.flaws)
        self._claim(row, f"row {row.number}")
        if self.plan.dry_run:
            self.outcome.pending.update(row.keys, row.claims)
        else:
            assert row.made is not None, "what has no flaws was made ready"
            self.new.append((row, row.made))
        return "created"

    def _matches(self, row: Prepared) -> set[str]:
        names = {name for key in row.keys for name in self.found.get(key, ())}
        return names if self.outcome.pending.isdisjoint(row.keys) else {*names, PENDING}

    def _claim(self, row: Prepared, name: str) -> None:
        for claim, place in row.claims.items():
            default = PENDING if claim in self.outcome.pending else name
            if self.taken.get(claim, default) != name:
                flaw = Flaw(place, "ALREADY_EXISTS", "is another contact's")
                raise Exists("Another contact has this value.", flaw)
        self.taken.update(dict.fromkeys(row.claims, name))

    def _update(self, name: str, row: Prepared) -> str:
        if name == PENDING:
            return "updated"
        if name in self.changed:
            self._change()
        stored = self.stored[name]
        self.tx.refuse_unless_allowed(Contact, stored)
        changes = overlay({field: stored.get(field) for field in row.placed}, row.placed)
        merged = {**stored, **changes}
        refuse_flaws(flaws(message_from_row(Contact, merged)))
        settle_row(merged)
        if not changed_paths(stored, merged):
            return "skipped"
        if not self.plan.dry_run:
            self.changed[name] = merged
        return "updated"

    def _change(self) -> None:
        changes = [(self.stored[name], merged) for name, merged in self.changed.items()]
        for name, row in zip(self.changed, update_rows(self.tx, Contact, changes), strict=True):
            self.stored[name] = row
        self.changed.clear()

    def _create(self) -> None:
        holders = {claim: row.name for row, _ in self.new for claim in row.claims}
        take_claims(holders, self.tx.session)
        self.tx.insert_announced(Contact, [made for _, made in self.new])
