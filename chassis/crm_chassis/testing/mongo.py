"""How a mongod for development is run: its command line, its replica set of one, its end."""

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from crm_chassis.testing.ports import is_open
from crm_chassis.testing.processes import end_of, start_process, stop_process
from crm_chassis.testing.waiting import wait_until

REPLICA_SET = "crm"
# Error codes of the server. On a busy machine it may not reach itself in time: it is not found.
ALREADY_INITIATED, UNAUTHORIZED, NOT_FOUND = 23, 13, 74


# The files of a dropped database go after seconds of history, not five minutes: a run drops a
# thousand, and a process may only have so many files open. What a relay reads has to last so long.
FORGETFUL = ("--setParameter", "minSnapshotHistoryWindowInSeconds=15", "--syncdelay", "2")


@dataclass(frozen=True)
class Mongod:
    """A running mongod: the primary of a replica set of one."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def uri(self) -> str:
        return mongodb_uri(self.port)

    def stop(self) -> None:
        stop_process(self.process)


def mongodb_uri(port: int, user: str = "", password: str = "") -> str:
    """The address of the replica set on `port`, without a database."""
    account = f"{user}:{password}@" if user else ""
    return f"mongodb://{account}127.0.0.1:{port}/?replicaSet={REPLICA_SET}"


def mongod_binary() -> str:
    """The mongod that the development wheel brings, else the one on PATH.

    Raises:
        FileNotFoundError: there is neither.
    """
    wheel = importlib.util.find_spec("fiftyone")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        binary = Path(folder, "db", "bin", "mongod")
        if binary.exists():
            return str(binary)
    if on_path := shutil.which("mongod"):
        return on_path
    message = "There is no mongod: install MongoDB 6 or later and put mongod on PATH."
    raise FileNotFoundError(message)


def mongod_command(
    folder: Path, port: int, oplog_mb: int = 512, key_file: Path | None = None
) -> list[str]:
    """The command line of a small mongod on the loopback interface with its data in `folder`.

    With a `key_file` clients have to authenticate.
    """
    command = [mongod_binary(), "--dbpath", str(folder), "--port", str(port), "--quiet"]
    command += ["--bind_ip", "127.0.0.1", "--nounixsocket"]
    command += ["--replSet", REPLICA_SET, "--oplogSize", str(oplog_mb)]
    command += ["--wiredTigerCacheSizeGB", "1"]
    # Sampling its own figures each second is most of what an idle mongod does.
    command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
    # What a killed process had begun holds its rows until the server gives it up.
    command += ["--setParameter", "transactionLifetimeLimitSeconds=10"]
    # Of a slow command its log tells all, also whom it asked for or changed.
    command += ["--slowms", "86400000"]
    # A primary waits 15 s for another one to take over before it ends, and there is none.
    command += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]
    if key_file:
        command += ["--keyFile", str(key_file)]
    return command


def initiate(port: int, user: str = "", password: str = "", *, durable: bool = True) -> None:
    """Make the mongod on `port` the primary of a replica set of one, whatever port it had before.

    The account is needed where there is one. Not `durable`, a majority write does not wait for
    the disk.
    """

    def is_primary() -> bool:
        hello = client.admin.command("hello")
        if "isreplicaset" not in hello:
            return bool(hello["isWritablePrimary"])
        try:
            client.admin.command("replSetInitiate", _configuration(port, durable=durable))
        except OperationFailure as failure:
            if failure.code == NOT_FOUND:
                return False
            if failure.code not in (ALREADY_INITIATED, UNAUTHORIZED):
                raise
            _move(port, user, password)
        return False

    with direct_client(port) as client:
        wait_until(is_primary, what="a primary mongod")


def direct_client(port: int, user: str = "", password: str = "") -> MongoClient[dict[str, Any]]:
    """A client of this one mongod, whatever it thinks of its replica set."""
    account: dict[str, Any] = {"username": user, "password": password} if user else {}
    return MongoClient("127.0.0.1", port, directConnection=True, **account)


def start_mongod(folder: Path, port: int, *, durable: bool = False) -> Mongod:
    """Start a mongod with its data in `folder`, and wait until it takes writes.

    Raises:
        RuntimeError: it ended; tells the end of its log.
    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    log = folder / "mongod.log"
    process = start_process([*mongod_command(data, port, oplog_mb=64), *FORGETFUL], log)
    wait_until(lambda: is_open(port) or process.poll() is not None, what="mongod")
    if process.poll() is not None:
        message = f"mongod ended with {process.returncode}:\n{end_of(log)}"
        raise RuntimeError(message)
    initiate(port, durable=durable)
    return Mongod(process, port)


def _configuration(port: int, *, durable: bool) -> dict[str, Any]:
    return {
        "_id": REPLICA_SET,
        "members": [{"_id": 0, "host": f"127.0.0.1:{port}"}],
        "writeConcernMajorityJournalDefault": durable,
        "settings": {"electionTimeoutMillis": 1000},
    }


def _move(port: int, user: str, password: str) -> None:
    with direct_client(port, user, password) as client:
        configuration = client.local["system.replset"].find_one() or {}
        configuration["members"][0]["host"] = f"127.0.0.1:{port}"
        configuration["version"] += 1
        client.admin.command("replSetReconfig", configuration, force=True)
