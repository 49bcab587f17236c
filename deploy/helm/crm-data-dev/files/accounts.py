"""Makes a lone mongod the primary of its replica set, with one account for each service.

May run any number of times: `accounts.py ADDRESS FOLDER`. FOLDER has the file `keyfile`, and one
with a password for each account: `administrator`, and the services, each of which may use the
database that bears its name and no other.
"""

import sys
import time
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

PATIENCE, PAUSE = 300.0, 1.0
NOT_INITIATED, UNKNOWN_USER = 94, 11  # error codes of the server
KEY, ADMINISTRATOR = "keyfile", "administrator"


def main(address, folder):
    # Whoever has the key of the members is one of them, and may do anything.
    key = "".join((folder / KEY).read_text(encoding="ascii").split())
    with MongoClient(
        f"mongodb://{address}",
        directConnection=True,
        username="__system",
        password=key,
        authSource="local",
        serverSelectionTimeoutMS=5000,
    ) as client:
        wait_for_primary(client, address)
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name != KEY:
                give_account(client.admin, path.name, path.read_text(encoding="utf-8").strip())
                say(f"The account {path.name} is there.")


def wait_for_primary(client, address):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if is_primary(client, address):
                return
        except PyMongoError as error:
            if time.monotonic() > end:
                raise
            say(f"Waiting for MongoDB: {type(error).__name__}")
        time.sleep(PAUSE)


def is_primary(client, address):
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code != NOT_INITIATED:
            raise
        member = {"_id": 0, "host": address}
        client.admin.command("replSetInitiate", {"_id": "crm", "members": [member]})
    return client.admin.command("hello")["isWritablePrimary"]


def give_account(admin, name, password):
    account = {"pwd": password, "roles": roles_of(name)}
    try:
        admin.command("updateUser", name, **account)
    except OperationFailure as failure:
        if failure.code != UNKNOWN_USER:
            raise
        admin.command("createUser", name, **account)


def roles_of(name):
    if name == ADMINISTRATOR:
        return ["root"]
    own = f"crm_{name.replace('-', '_')}"
    return [{"role": role, "db": own} for role in ("readWrite", "dbAdmin")]


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
