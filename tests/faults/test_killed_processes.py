"""Whatever process is killed under load: what was accepted is kept, and nothing is done twice."""

import pytest
from faults.processes import OURS, replace

VICTIMS = (*OURS, "rabbitmq", "mongod")
WORKING = 1.5


@pytest.mark.parametrize("victim", VICTIMS)
def test_what_was_accepted_is_there_once_after_a_process_was_killed(ordeal, victim, scale):
    for _ in range(max(2, int(scale / 2))):
        replace(ordeal.suite, victim)
        ordeal.crowd.work_on(WORKING)

    ordeal.end_well()


def test_what_was_accepted_is_there_once_after_everything_was_killed_at_once(ordeal, scale):
    for _ in range(max(1, int(scale / 2))):
        replace(ordeal.suite, *VICTIMS)
        ordeal.crowd.work_on(WORKING)

    ordeal.end_well()
