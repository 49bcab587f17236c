"""Whatever process is killed under load: what was accepted is kept, and nothing is done twice."""

import pytest
from faults.processes import OURS, replace

from stack.services import SERVICES

SERVERS = ("rabbitmq", "mongod")
VICTIMS = (*OURS, *SERVERS)
# The processes of each service, and the servers: one after the other, under the same load.
GROUPS = {
    **{
        service.name: [f"{service.name}/{each}" for each in service.processes]
        for service in SERVICES
    },
    "servers": SERVERS,
}
WORKING = 1.0


@pytest.mark.parametrize("group", GROUPS)
def test_what_was_accepted_is_there_once_after_processes_were_killed(ordeal, group, scale):
    for _ in range(max(1, int(scale / 2))):
        for victim in GROUPS[group]:
            replace(ordeal.suite, victim)
            ordeal.crowd.work_on(WORKING)

    ordeal.end_well()


def test_what_was_accepted_is_there_once_after_everything_was_killed_at_once(ordeal, scale):
    for _ in range(max(1, int(scale / 2))):
        replace(ordeal.suite, *VICTIMS)
        ordeal.crowd.work_on(WORKING)

    ordeal.end_well()
