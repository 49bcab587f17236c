"""What imports do at length: reading a file and taking over its rows, batch by batch."""

from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from crm.contacts.v1 import contacts_pb2

from crm_chassis.kernel.errors import Flaw, Invalid, refuse_flaws
from crm_chassis.mongo.operations import Operation, Progress
from crm_chassis.mongo.schedule import Timer, schedule
from crm_chassis.resources.bulk import announced_rows
from crm_chassis.resources.claims import claims_of
from crm_chassis.resources.references import seen_of_own
from crm_chassis.resources.transaction import Transaction
from crm_chassis.resources.translate import name_of
from crm_chassis.resources.validation import flaws_of_each
from crm_chassis.working.operations import Step
from crm_contacts.contact_points.rules import tidy_address
from crm_contacts.contacts.commands import settle_row
from crm_contacts.contacts.documents import Contact
from crm_contacts.csv_files.rules import Record
from crm_contacts.imports.commands import (
    DISCARD,
    Outcome,
    Prepared,
    discard_upload,
    keep_header,
    plan_of_config,
    store_batch,
)
from crm_contacts.imports.queries import File, Key, Layout, count_records, layout_of
from crm_contacts.imports.rules import Match, Mode, Plan, reader_of
from crm_contacts.metrics import IMPORTED_ROWS
from crm_contacts.organizations.documents import Organization

# A batch is over well within a claim's lease, and small enough for one transaction. A new row is
# less work than a change.
MOST_ROWS, MOST_CHANGES = 1_500, 250
MOST_CHARACTERS = 1_000_000
# So many are prepared together, from cells to bytes: more do not fit in a processor's cache.
TOGETHER = 64
COUNTS = ("created", "updated", "skipped", "failed")
T = TypeVar("T")


def run_import(operation: Operation) -> Generator[Step, None, None]:
    """The steps of an import that are left: a look at the whole file, its batches, the end."""
    plan = plan_of_config(operation.payload["config"])
    cursor = operation.cursor
    if cursor is None:
        cursor = yield from _survey(operation, plan)
    run = _Run(operation, plan, cursor)
    with closing(run.open()) as file:
        reading = _Reading(plan, file)
        reading.skip(cursor["row"], run.pending)
        for batch in _ahead(reading.batches(cursor["row"])):
            yield partial(run.store, batch)
            run.settle()
    yield run.finish


def fire_discard(tx: Transaction, timer: Timer) -> None:
    """Take away an uploaded file that nobody needs any more."""
    discard_upload(tx, timer.subject, timer.payload.get("operation"))


def _survey(operation: Operation, plan: Plan) -> Generator[Step, None, dict[str, Any]]:
    file_id = operation.payload["file"]
    layout = layout_of(file_id, plan.targets)
    total = count_records(file_id, layout, plan.targets)
    with closing(File(file_id, layout, plan.targets)) as file:
        header = file.header
    cursor = {
        "encoding": layout.encoding,
        "delimiter": layout.delimiter,
        "row": 0,
        **dict.fromkeys(COUNTS, 0),
    }

    def begin(tx: Transaction) -> Progress:
        keep_header(tx, operation.id, header)
        return Progress(cursor, total=total)

    yield begin
    return cursor


class _Run:
    """An import on its way: what became of the rows so far."""

    def __init__(self, operation: Operation, plan: Plan, cursor: dict[str, Any]) -> None:
        self.operation, self.plan = operation, plan
        self.layout = Layout(cursor["encoding"], cursor["delimiter"])
        self.row: int = cursor["row"]
        self.counts = Counter({name: cursor[name] for name in COUNTS})
        self.pending: set[Key | str] = set()
        self.latest: tuple[int, Outcome] | None = None

    def open(self) -> File:
        """The file from its start."""
        return File(self.operation.payload["file"], self.layout, self.plan.targets)

    def store(self, batch: Sequence[Prepared], tx: Transaction) -> Progress:
        """The step that takes over a batch. It may run twice."""
        outcome = store_batch(tx, self.operation.id, self.plan, batch, self.pending)
        self.latest = batch[-1].number, outcome
        counts = outcome.counts
        succeeded = counts["created"] + counts["updated"]
        cursor = self._cursor(batch[-1].number, self.counts + counts)
        return Progress(cursor, counts.total(), succeeded, counts["failed"])

    def settle(self) -> None:
        """Take note that the batch was committed."""
        assert self.latest is not None
        self.row, outcome = self.latest
        self.counts += outcome.counts
        self.pending = outcome.pending
        if not self.plan.dry_run:
            for name, count in outcome.counts.items():
                IMPORTED_ROWS.labels(name).inc(count)

    def finish(self, tx: Transaction) -> Progress:
        """The last step: the result, and the file may go."""
        schedule(tx, DISCARD, self.operation.payload["file"], tx.now)
        response = {name: self.counts[name] for name in COUNTS}
        errors = f"/v1/operations/{self.operation.id}:badRows"
        return Progress(
            self._cursor(self.row, self.counts), response={**response, "errorsUri": errors}
        )

    def _cursor(self, row: int, counts: Counter[str]) -> dict[str, Any]:
        return {
            "encoding": self.layout.encoding,
            "delimiter": self.layout.delimiter,
            "row": row,
            **{name: counts[name] for name in COUNTS},
        }


class _Reading:
    """Records on their way to rows, outside of any transaction."""

    def __init__(self, plan: Plan, file: File) -> None:
        self.plan, self.file = plan, file
        self.width = len(file.header)
        self.read = reader_of(plan, file.header)
        self.read_placed = reader_of(plan, file.header, placed=True)
        self.most = MOST_ROWS if plan.mode is Mode.CREATE else min(MOST_ROWS, MOST_CHANGES)
        self.refers = any(target.path[0] == "positions" for target in plan.targets.values())

    def batches(self, after: int) -> Iterator[list[Prepared]]:
        """The records that are left, prepared and in batches."""
        numbered = enumerate(self.file, after + 1)
        while batch := self._read_batch(numbered):
            yield batch

    def skip(self, count: int, pending: set[Key | str]) -> None:
        """Pass over records that are done; `pending` gets what a dry run would have made."""
        numbered = islice(enumerate(self.file, 1), count)
        if not self.plan.dry_run:
            deque(numbered, maxlen=0)
        while batch := self._read_batch(numbered):
            for prepared in batch:
                if not prepared.faults and not prepared.flaws:
                    pending.update(prepared.keys, prepared.claims)

    def _read_batch(self, numbered: Iterator[tuple[int, Record]]) -> list[Prepared]:
        batch: list[Prepared] = []
        characters = 0
        while len(batch) < self.most and characters < MOST_CHARACTERS:
            some: list[Prepared] = []
            for number, record in islice(numbered, min(TOGETHER, self.most - len(batch))):
                some.append(self._read_record(number, record))
                characters += sum(map(len, record.cells))
                if characters >= MOST_CHARACTERS:
                    break
            if not some:
                break
            batch += self._prepared(some)
        return batch

    def _read_record(self, number: int, record: Record) -> Prepared:
        cells = record.cells + [""] * (self.width - len(record.cells))
        try:
            refuse_flaws(self._faults(record))
            values = self.read(cells) or {}
            placed = {} if self.plan.mode is Mode.CREATE else self.read_placed(cells) or {}
        except Invalid as refusal:
            return Prepared(number, cells, faults=refusal.flaws)
        keys, claims = _keys_of(self.plan, values), claims_of(Contact, values)
        return Prepared(number, cells, values, None, placed, keys, claims)

    def _prepared(self, some: list[Prepared]) -> list[Prepared]:
        if self.refers:
            _refuse_unseen(some)
        if self.plan.mode is not Mode.UPDATE:
            _announce(some)
        return some

    def _faults(self, record: Record) -> Iterator[Flaw]:
        if record.fault:
            yield Flaw("row", "MALFORMED", record.fault)
        elif any(record.cells[self.width :]):
            text = f"has {len(record.cells)} cells where the header has {self.width}"
            yield Flaw("row", "TOO_MANY_CELLS", text)


def _announce(some: Sequence[Prepared]) -> None:
    """Give each record that can be a contact its whole row and its event; tell of the others why.

    One stage after the other for all of them: that is faster than row by row.
    """
    readable = [prepared for prepared in some if not prepared.faults]
    contacts = contacts_pb2.ListContactsResponse(contacts=[prepared.row for prepared in readable])
    for place, flaws in flaws_of_each(contacts, "contacts").items():
        readable[place].flaws = flaws
    for prepared in readable:
        if not prepared.flaws:
            try:
                settle_row(prepared.row)
            except Invalid as refusal:
                prepared.flaws = refusal.flaws
    sound = [prepared for prepared in readable if not prepared.flaws]
    made = announced_rows(Contact, [prepared.row for prepared in sound])
    for prepared, new in zip(sound, made, strict=True):
        prepared.made, prepared.name = new, name_of(prepared.row, Contact.collection())
        prepared.row = {}


def _keys_of(plan: Plan, values: dict[str, Any]) -> tuple[Key, ...]:
    return tuple(
        Key(match.path, value) for match in plan.matches for value in _matched(match, values)
    )


def _matched(match: Match, values: dict[str, Any]) -> Iterator[str]:
    if match.system:
        value = values.get("external_ids", {}).get(match.system)
        yield from (value,) if value else ()
    elif match.path == "emails.address":
        for email in values.get("emails", ()):
            yield tidy_address(email.get("address", ""))
    else:
        for phone in values.get("phones", ()):
            yield phone.get("number", "")


def _organizations_of(prepared: Prepared) -> Iterator[tuple[int, str]]:
    listed = dict(enumerate(prepared.row.get("positions", ())))
    for index, position in (prepared.placed.get("positions") or listed).items():
        if "organization" in position:
            yield index, position["organization"]


def _refuse_unseen(batch: Sequence[Prepared]) -> None:
    """Tell of each record that names an organization which the caller cannot see."""
    named = {name for prepared in batch for _, name in _organizations_of(prepared)}
    seen = seen_of_own(Organization, named)
    for prepared in batch:
        prepared.faults = prepared.faults or tuple(
            Flaw(f"positions[{index}].organization", "REFERENCE_NOT_FOUND", "names nothing there")
            for index, name in _organizations_of(prepared)
            if name not in seen
        )


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made by another thread while the one before is used."""
    context = copy_context()

    def make() -> T | None:
        return context.run(lambda: next(items, None))

    with ThreadPoolExecutor(1, "import") as thread:
        upcoming = thread.submit(make)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(make)
            yield item
