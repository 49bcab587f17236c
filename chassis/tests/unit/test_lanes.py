"""Lanes: of each resource one event at a time, in order; what fails holds up its own resource."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.relay.lanes import Lanes, Outgoing


def an_outgoing(subject: str, sequence: int, bucket: int = 0) -> Outgoing:
    return Outgoing(f"{subject}:{sequence}", subject, bucket, 1, "type", "", b"")


def ids(events: list[Outgoing]) -> list[str]:
    return [event.id for event in events]


def test_of_each_resource_one_event_is_on_its_way():
    lanes = Lanes()
    for event in (an_outgoing("a", 1), an_outgoing("a", 2), an_outgoing("b", 1)):
        lanes.add(event)

    assert ids(lanes.send(10)) == ["a:1", "b:1"]
    assert ids(lanes.send(10)) == []

    lanes.arrived("a:1")
    assert ids(lanes.send(10)) == ["a:2"]
    assert len(lanes) == 2


def test_a_failure_gives_up_the_rest_of_its_resource_only():
    lanes = Lanes()
    for event in (an_outgoing("a", 1), an_outgoing("a", 2), an_outgoing("b", 1)):
        lanes.add(event)
    lanes.send(10)

    lanes.failed("a:1")

    assert "a:2" not in lanes
    assert lanes.arrived("a:1") is None
    assert lanes.arrived("b:1") == an_outgoing("b", 1)
    assert len(lanes) == 0


def test_what_is_on_its_way_stays_known_when_its_bucket_goes():
    lanes = Lanes()
    for event in (an_outgoing("a", 1, 7), an_outgoing("a", 2, 7), an_outgoing("b", 1, 8)):
        lanes.add(event)
    lanes.send(1)

    lanes.keep([])

    assert "a:1" in lanes
    assert "a:2" not in lanes
    assert lanes.ready == 0
    assert lanes.arrived("a:1") == an_outgoing("a", 1, 7)
    assert len(lanes) == 0


@given(st.lists(st.tuples(st.sampled_from("asf"), st.integers(0, 4)), max_size=80))
def test_no_event_is_sent_before_its_predecessor_arrived(steps):
    lanes, sent = Lanes(), []
    added: dict[str, int] = defaultdict(int)
    arrived: dict[str, int] = defaultdict(int)

    for step, choice in steps:
        subject = "abcde"[choice]
        if step == "a":
            added[subject] += 1
            lanes.add(an_outgoing(subject, added[subject]))
        elif step == "s":
            for event in lanes.send(choice + 1):
                assert int(event.id[2:]) == arrived[event.subject] + 1
                sent.append(event)
        elif sent:
            event = sent.pop(choice % len(sent))
            arrived[event.subject] += 1
            assert lanes.arrived(event.id) == event
    assert len(lanes) == sum(added.values()) - sum(arrived.values())
