"""The server: one process answers, another watches over it, and neither outlives the other."""

import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.processes import start_process, stop_process
from crm_chassis.testing.waiting import PATIENCE, wait_until

PROGRAM = Path(__file__).parent / "serving_process.py"


@dataclass
class Served:
    process: Any
    port: int
    notes: Path
    client: httpx.Client

    def answers(self):
        try:
            return self.client.get("/pid").text
        except httpx.HTTPError:
            return ""

    def say(self, request):
        """Send bytes that no client would, and give what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            # Who refuses a large head may end before it has all of it: the answer is there.
            with suppress(ConnectionError):
                connection.sendall(request)
            return connection.recv(65_536)


@pytest.fixture
def served(tmp_path):
    (port,) = free_ports(1)
    notes = tmp_path / "notes"
    command = [sys.executable, str(PROGRAM), str(port), str(notes)]
    process = start_process(command, tmp_path / "log")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        made = Served(process, port, notes, client)
        wait_until(made.answers, what="the server")
        yield made
    stop_process(process)


def is_alive(pid):
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "Z" not in told.rpartition(")")[2].split()[0]


def test_what_answers_is_opened_and_closed_in_the_process_that_answers(served):
    answering = int(served.answers())

    served.process.terminate()
    served.process.wait(PATIENCE)

    assert answering != served.process.pid
    assert served.notes.read_text() == f"opened by {answering}\nclosed\n"
    assert served.process.returncode == 0


def test_a_request_under_way_is_finished_at_the_end(served):
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(served.client.get, "/slow")
        wait_until(lambda: "slow" in served.notes.read_text())
        served.process.terminate()

        assert slow.result(PATIENCE).text == "done"


def test_who_watches_is_killed_and_so_is_who_answers(served):
    answering = int(served.answers())

    served.process.kill()
    served.process.wait(PATIENCE)

    wait_until(lambda: not is_alive(answering), what="the end of the process that answers")


def test_who_answers_is_killed_and_so_ends_who_watches(served):
    os.kill(int(served.answers()), signal.SIGKILL)

    assert served.process.wait(PATIENCE) != 0


def test_a_large_body_is_taken_as_it_comes(served):
    size = 50_000_000
    whole = served.client.post("/size", content=b"x" * size)
    pieces = served.client.post("/size", content=(b"x" * 100_000 for _ in range(500)))

    assert whole.text == pieces.text == str(size)


def test_a_stream_arrives_whole(served):
    assert len(served.client.get("/stream").content) == 1_000_000


def test_a_head_that_is_too_large_is_refused(served):
    answer = served.say(b"GET /pid HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000 + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 431")


def test_a_request_that_is_none_is_refused(served):
    answer = served.say(b"GET /pid HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400")


def test_a_body_of_two_lengths_hides_no_second_request(served):
    answer = served.say(
        b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET /pid HTTP/1.1\r\nHost: x\r\n\r\n"
    )

    assert answer.count(b"HTTP/1.1 200") <= 1
    assert b"connection: close" in answer.lower() or answer.startswith(b"HTTP/1.1 400")


def test_those_who_send_slowly_keep_nobody_waiting(served):
    slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(100)]
    for connection in slow:
        connection.sendall(b"GET /pid HTTP/1.1\r\nHost: ")

    assert served.answers()
    for connection in slow:
        connection.close()
