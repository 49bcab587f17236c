"""The programs that generate from the protos, check them, and write down what they promise."""

import shutil
from pathlib import Path

import pytest

import build_protos
import check_protos
from events_doc import page_of, resources_of, subscriptions_of
from surface import surface_of

PROTO = "crm/contacts/v1/organizations.proto"


@pytest.fixture
def sources(tmp_path):
    """The protos in a folder of their own."""
    shutil.copytree(build_protos.SOURCES / "crm", tmp_path / "proto" / "crm")
    return tmp_path / "proto"


@pytest.fixture(scope="module")
def image():
    target = build_protos.SOURCES / "gen"
    build_protos.build(build_protos.SOURCES, target)
    return (target / build_protos.IMAGE).read_bytes()


def edit(sources, before, after):
    proto = sources / PROTO
    text = proto.read_text()
    assert before in text
    proto.write_text(text.replace(before, after, 1))


def surface(sources, target):
    build_protos.build(sources, target)
    return set(surface_of((target / build_protos.IMAGE).read_bytes()).splitlines())


def test_code_is_generated_when_a_proto_changed_and_only_then(sources):
    target = sources / "gen"

    first, again = build_protos.build(sources, target), build_protos.build(sources, target)
    untouched = (target / "crm/contacts/v1/contacts_pb2.py").stat().st_mtime_ns
    edit(sources, "// Organizations", "// All organizations")
    changed = build_protos.build(sources, target)

    assert (first, again, changed) == (True, False, True)
    assert (target / "crm/contacts/v1/contacts_pb2.py").stat().st_mtime_ns == untouched
    assert (target / "buf/validate/validate_pb2.py").is_file()


def test_what_is_no_longer_declared_is_no_longer_generated(sources):
    target = sources / "gen"
    build_protos.build(sources, target)
    (sources / "crm/analytics/v1/timeline.proto").unlink()

    build_protos.build(sources, target)

    assert not (target / "crm/analytics/v1/timeline_pb2.py").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("organizations/*}:move", "organizations/*}:shift"),
        ("(crm.api.v1.permission) = UPDATE", "(crm.api.v1.permission) = READ"),
        ("(crm.api.v1.idempotency) = KEY", "(crm.api.v1.idempotency) = SAFE"),
        ("max_len: 255", "max_len: 5"),
    ],
)
def test_what_buf_does_not_compare_is_seen_in_the_surface(sources, tmp_path, before, after):
    old = surface(sources, tmp_path / "old")
    edit(sources, before, after)

    assert surface(sources, tmp_path / "new") != old


def test_the_protos_keep_what_was_released(image):
    assert check_protos.is_surface_kept()
    assert check_protos.buf(
        "breaking", str(check_protos.IMAGE), "--against", str(check_protos.RELEASED)
    )


def test_the_page_of_events_names_who_listens(image, tmp_path):
    consumer = tmp_path / "sales" / "crm_sales" / "consumer.py"
    consumer.parent.mkdir(parents=True)
    consumer.write_text(
        "class Consumer:\n"
        '    @subscribe("crm.contacts.contact.*.v1", order=LATEST)\n'
        "    def contacts_changed(self, tx, events): ...\n"
        '    @subscribe("crm.#")\n'
        "    def all_events(self, tx, events): ...\n"
    )

    page = page_of(resources_of(image), list(subscriptions_of(Path(tmp_path))))

    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `crm.")}
    assert "`sales.contacts-changed`" in lines["crm.contacts.contact.created.v1"]
    assert "`sales.all-events`" in lines["crm.contacts.organization.moved.v1"]
    assert "contacts-changed" not in lines["crm.contacts.organization.moved.v1"]
    assert "**Personal.**" in page
