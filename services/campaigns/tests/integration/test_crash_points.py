"""A worker may be killed at any point of a mail's way: nobody ever gets one twice."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from crm_campaigns.deliveries.handing_over import AT_ONCE
from crm_campaigns.testing import a_contact, a_started_campaign, deliveries_of, stored
from crm_chassis.testing.grpc import make_keys
from crm_chassis.testing.processes import end_of, start_process, stop_process
from crm_chassis.testing.waiting import PATIENCE, wait_until

READERS = 40
HANDING, SMTP = "crm_campaigns.deliveries.handing_over", "crm_campaigns.mail.smtp"
JOBS = "crm_campaigns.deliveries.jobs"
# Where it is killed, and how many mails then may be of unknown fate.
POINTS = {
    "before the attempt is noted": (f"6 before {HANDING}:note", AT_ONCE),
    "noted, and not yet offered": (f"6 after {HANDING}:note", AT_ONCE),
    "offered, and not yet told": (f"6 before {SMTP}:Line._deliver", AT_ONCE),
    "taken by the server, and not yet noted": (f"6 after {SMTP}:Line._deliver", AT_ONCE),
    "all noted, and not yet settled": (f"1 before {JOBS}:settle_round", 0),
    "settled, and not yet known": (f"1 after {JOBS}:settle_round", 0),
}
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(database, mongo_uri, tmp_path, inbox) -> Iterator[Start]:
    """Starts the service's worker; told a point, it will be killed there."""
    keys = make_keys(tmp_path, ("gateway", "campaigns"))
    running: list[subprocess.Popen[bytes]] = []
    environment = {
        "CRM_CAMPAIGNS_MONGODB_URI": mongo_uri,
        "CRM_CAMPAIGNS_MONGODB_DATABASE": database.name,
        "CRM_CAMPAIGNS_METRICS_ADDRESS": "127.0.0.1:0",
        "CRM_CAMPAIGNS_TOKEN_KEY_FILE": str(keys.private("campaigns")),
        "CRM_CAMPAIGNS_SMTP_URL": inbox.url,
        "CRM_CAMPAIGNS_PUBLIC_URL": "https://crm.example.com",
    }

    def start(point: str = "") -> subprocess.Popen[bytes]:
        trap = ["crm_chassis.testing.dying", point] if point else []
        command = [sys.executable, "-m", *trap, "crm_campaigns", "worker"]
        running.append(start_process(command, tmp_path / "worker.log", environment))
        return running[-1]

    yield start
    for process in running:
        stop_process(process)


@pytest.mark.parametrize(("point", "most_unknown"), POINTS.values(), ids=POINTS.keys())
def test_nobody_gets_a_mail_twice_wherever_the_worker_is_killed(
    start, inbox, tmp_path, point, most_unknown
):
    inbox.pause = 0.01
    contacts = [a_contact(f"reader{number}@example.com") for number in range(READERS)]
    campaign = a_started_campaign(contacts)

    victim = start(point)
    killed = victim.wait(PATIENCE)
    start()
    wait_until(
        lambda: stored(campaign)["state"] == "SENT",
        what=f"the end of the campaign; {end_of(tmp_path / 'worker.log')}",
    )

    assert killed == -signal.SIGKILL
    assert len(inbox.recipients) == len(set(inbox.recipients))
    sent = {row["address"] for row in deliveries_of(campaign) if row["state"] == "SENT"}
    unknown = {row["address"] for row in deliveries_of(campaign) if row["state"] == "UNKNOWN"}
    assert sent <= set(inbox.recipients) <= sent | unknown
    assert len(sent) + len(unknown) == READERS
    assert len(unknown) <= most_unknown
    stats = stored(campaign)["stats"]
    assert (stats["sent"], stats["unknown"]) == (len(sent), len(unknown))
    numbers = [row["version"] for row in deliveries_of(campaign)]
    assert numbers == [2] * READERS


def test_several_workers_together_hand_over_four_at_once_and_each_mail_once(start, inbox):
    inbox.pause = 0.05
    contacts = [a_contact(f"reader{number}@example.com") for number in range(READERS)]
    campaign = a_started_campaign(contacts)

    first, _ = start(), start()
    wait_until(lambda: len(inbox.received) > READERS // 4, what="some mails")
    first.send_signal(signal.SIGKILL)
    wait_until(lambda: stored(campaign)["state"] == "SENT", what="the end of the campaign")

    assert inbox.most_at_once <= AT_ONCE
    assert len(inbox.recipients) == len(set(inbox.recipients))
    stats = stored(campaign)["stats"]
    assert stats["sent"] + stats["unknown"] == READERS
    assert stats["unknown"] <= AT_ONCE
