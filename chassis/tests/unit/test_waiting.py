"""Waiting for a condition, and for ports, as tests do it."""

import subprocess
import sys
import time

import pytest

from crm_chassis.testing.ports import HIGHEST, LOWEST, free_ports
from crm_chassis.testing.waiting import wait_until

ANOTHER = """
import sys
from crm_chassis.testing.ports import HIGHEST, LOWEST, free_ports
others = {*range(LOWEST, HIGHEST)} - {int(sys.argv[1])}
print(free_ports(1, others))
"""


def test_the_first_answer_that_counts_is_given():
    answers = iter([0, None, "yes", "no"])

    assert wait_until(lambda: next(answers)) == "yes"


def test_what_never_becomes_true_is_named():
    with pytest.raises(TimeoutError, match=r"waited 0\.1 s for rain"):
        wait_until(lambda: False, timeout=0.1, what="rain")


def test_an_answer_that_took_all_the_time_is_asked_for_once_more():
    asked = []

    def slowly():
        asked.append(1)
        time.sleep(0.1)
        return len(asked) == 2

    assert wait_until(slowly, timeout=0.05)


def test_a_port_is_given_to_one_program_only_though_nobody_listens_yet():
    [port] = free_ports(1)

    told = subprocess.run(
        [sys.executable, "-c", ANOTHER, str(port)], capture_output=True, text=True, check=False
    )

    assert "There are no 1 free ports" in told.stderr
    with pytest.raises(OSError, match="no 1 free ports"):
        free_ports(1, {*range(LOWEST, HIGHEST)} - {port})
