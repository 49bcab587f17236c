"""From `words` to `terms` while processes of both releases work: nothing is ever not found."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread

import pytest
from crm.contacts.v1 import contacts_pb2
from mongoengine import EmbeddedDocumentListField, ListField, StringField

from crm_chassis.kernel.errors import NotAllowed
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import expansion
from crm_chassis.mongo.expansion import Pace, fill_in
from crm_chassis.mongo.migrations import contract_all, migrate, require_schema
from crm_chassis.resources.document import Resource
from crm_chassis.resources.pages import Question
from crm_chassis.resources.reading import search_resources
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_chassis.testing.waiting import wait_until
from crm_contacts.contact_points.documents import PhoneNumber
from crm_contacts.contacts.commands import create_contact, update_contact
from crm_contacts.contacts.documents import Contact

PACKAGE, TERMS = "crm_contacts.migrations", "0004_terms"
# So long that even on a busy machine nobody is still at what they began before.
PACE = Pace(batch=0.0, switch=2.0, settle=2.0)
SEED = 600


class OldContact(Resource):
    """A contact as processes of the release before know it."""

    message = contacts_pb2.Contact
    meta = {"collection": "contacts"}
    searchable = Contact.searchable

    given_name: str | None = StringField()
    family_name: str | None = StringField()
    display_name: str = StringField()
    phones: list[PhoneNumber] = EmbeddedDocumentListField(PhoneNumber)
    tags: list[str] = ListField(StringField())


class Crowd:
    """Writers of both releases; each looks for what it has just written, by its own release."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self.failures: list[BaseException] = []
        self.old_look_for_new = True
        self._numbers = count(100_000)

    @contextmanager
    def at_work(self, *work: Callable[[], None]) -> Iterator[None]:
        stop = Event()
        threads = [Thread(target=self._until, args=(stop, one)) for one in work]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert self.failures == []

    def write_old(self) -> None:
        word, number = self._someone()
        contact = in_transaction(_insert_old, word, number)
        assert found(OldContact, word) == [contact.name]
        in_transaction(_change_old, contact.name)
        assert found(OldContact, word) == [contact.name]
        self.made[contact.name] = number

    def write_new(self) -> None:
        word, number = self._someone()
        told = Contact(given_name="Ann", family_name=word, phones=[PhoneNumber(number=number)])
        contact = in_transaction(create_contact, told)
        assert found(Contact, word) == [contact.name]
        changes = Contact(id=contact.id, tags=["new"])
        in_transaction(update_contact, changes, ["tags"], "")
        assert found(Contact, word) == [contact.name]
        if self.old_look_for_new:
            assert found(OldContact, word) == [contact.name]
        self.made[contact.name] = number

    def write_mixed(self) -> None:
        """A contact of one release is changed by the other, and found by the newer."""
        word, number = self._someone()
        contact = in_transaction(_insert_old, word, number)
        assert found(Contact, word) == [contact.name]
        in_transaction(update_contact, Contact(id=contact.id, tags=["new"]), ["tags"], "")
        assert found(Contact, word) == [contact.name]
        in_transaction(_change_old, contact.name)
        assert found(Contact, word) == [contact.name]
        self.made[contact.name] = number

    def _someone(self) -> tuple[str, str]:
        return "w" + new_id().replace("-", ""), f"+4179{next(self._numbers):07}"

    def _until(self, stop: Event, work: Callable[[], None]) -> None:
        with call_scope(a_call(a_principal())):
            try:
                while not stop.is_set():
                    work()
            except BaseException as error:  # noqa: BLE001 - the test is told of it
                self.failures.append(error)


def _insert_old(tx, word, number):
    phones = [PhoneNumber(number=number)]
    names = {"given_name": "Ann", "family_name": word, "display_name": f"Ann {word}"}
    return tx.insert(OldContact(phones=phones, **names))


def _change_old(tx, name):
    contact = tx.load(OldContact, name)
    contact.tags = [*contact.tags, "old"]
    return tx.update(contact)


def found(document, query):
    return [one.name for one in search_resources(document, query, Question()).messages]


def national(number):
    """The number as somebody in its country would write it."""
    return f"0{number[3:5]} {number[5:8]} {number[8:10]} {number[10:]}"


@pytest.fixture
def old(database, monkeypatch):
    """The database of the release before, with many contacts."""
    monkeypatch.setattr(expansion, "REMEMBERED", 0.1)
    monkeypatch.setattr(expansion, "_switches", expansion._Switches())
    database["migrations"].delete_one({"_id": TERMS})
    database["contacts"].drop_index("terms_1")
    database["contacts"].create_index("words")
    crowd = Crowd()
    for _ in range(SEED):
        word, number = crowd._someone()
        crowd.made[in_transaction(_insert_old, word, number).name] = number
    return crowd


def test_contacts_are_found_all_the_way_from_words_to_terms(old, database, monkeypatch):
    module = importlib.import_module(f"{PACKAGE}.{TERMS}")
    monkeypatch.setattr(module, "AT_ONCE", 50)

    with old.at_work(old.write_new, old.write_new):
        with old.at_work(old.write_old, old.write_mixed):
            assert migrate(PACKAGE) == [TERMS]
            with monkeypatch.context() as patched:
                patched.setattr(module, "backfill", dying_after(module.backfill, 5))
                with pytest.raises(InterruptedError):
                    fill_in(PACKAGE, TERMS, PACE)
            interrupted = database["migrations"].find_one({"_id": TERMS})
            resumed = fill_in(PACKAGE, TERMS, PACE)
            with pytest.raises(NotAllowed):
                contract_all(PACKAGE, PACE)
            state = database["migrations"].find_one({"_id": TERMS})
        old.old_look_for_new = False
        before = len(old.made)
        assert contract_all(PACKAGE, PACE) == [TERMS]
        wait_until(lambda: len(old.made) > before or old.failures, what="more contacts")

    assert interrupted["after"]
    assert interrupted["filled"] == 250
    assert resumed >= SEED - 250
    assert "switched" not in state
    assert contract_all(PACKAGE, PACE) == []
    require_schema(PACKAGE)
    rows = list(database["contacts"].find())
    assert {f"contacts/{row['_id']}" for row in rows} == old.made.keys()
    assert all("terms" in row and "words" not in row for row in rows)
    assert "words_1" not in database["contacts"].index_information()
    assert {name: found(Contact, national(number)) for name, number in old.made.items()} == {
        name: [name] for name in old.made
    }


def dying_after(backfill, batches):
    """The same for so many batches; then the process dies."""
    left = count(batches, -1)

    def fill(database, after):
        if next(left) == 0:
            raise InterruptedError
        return backfill(database, after)

    return fill


def test_a_new_database_begins_without_the_old(database):
    contact = in_transaction(create_contact, Contact(given_name="Ann", tags=["vip"]))

    [row] = database["contacts"].find()

    assert set(row["terms"]) == {"ann", "vip"}
    assert "words" not in row
    assert found(Contact, "vi") == [contact.name]
    assert contract_all(PACKAGE, PACE) == []
