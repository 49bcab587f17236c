"""Whatever process is killed under load: nothing that was accepted is lost, nothing is done twice."""

import time

import pytest
from faults.evidence import assert_all_is_up, assert_all_is_well, assert_import_is_done

from crm_chassis.testing.waiting import wait_until

VICTIMS = (
    "contacts/relay",
    "analytics/consumer",
    "contacts/worker",
    "contacts/api",
    "gateway/relay",
    "gateway/api",
    "analytics/api",
    "rabbitmq",
    "mongod",
)
PAUSE = 1.5


@pytest.mark.parametrize("victim", VICTIMS)
def test_what_was_accepted_is_there_once_after_a_process_was_killed(
    suite, evidence, crowd, running_import, victim, scale
):
    for _ in range(max(1, int(scale / 2))):
        killed = suite.kill(victim)
        begin = time.monotonic()
        wait_until(lambda killed=killed: suite.pids.get(victim, killed) != killed, 10, 0.005)
        print("RESTART", victim, time.monotonic() - begin)
        crowd.work_on(PAUSE)
    assert_import_is_done(running_import)
    crowd.stop()

    assert_all_is_up(suite)
    assert_all_is_well(evidence, crowd, running_import)
    print("ANSWERS", victim, crowd.accepted.answers, crowd.accepted.repeated)
