"""Pods are deleted as nodes are drained and fail: nothing is lost, and nothing done twice."""

import random
import time

from cluster.installation import DEPLOYMENTS
from faults.clients import IMPORTED, Crowd, start_import
from faults.evidence import assert_all_is_well, assert_import_is_done

SECONDS, PAUSE = 120, 2.0
AT_ONCE = ["--grace-period=0", "--force"]


def test_nothing_is_lost_or_done_twice_while_pods_are_deleted_at_random(
    installation, suite, evidence, word
):
    chance = random.Random(word)
    with Crowd(suite, word).at_work() as crowd:
        running = start_import(crowd.client(), word, IMPORTED)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            pods = installation.pods_of(chance.choice(DEPLOYMENTS))
            if pods:
                how = chance.choice([[], AT_ONCE])
                installation.kubectl("delete", "pod", chance.choice(pods), "--wait=false", *how)
            crowd.work_on(PAUSE)
        installation.wait_until_ready()
        assert_import_is_done(running)
        crowd.stop()

    assert crowd.accepted.answers > 0
    assert_all_is_well(evidence, crowd.accepted, running)
