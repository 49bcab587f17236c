"""What the servers of a stack need before the suite can use them."""

from typing import Any

from pymongo.errors import OperationFailure

from crm_chassis.testing import mongo, rabbit
from crm_chassis.testing.ports import is_open
from crm_chassis.testing.waiting import wait_until
from stack.credentials import ADMINISTRATOR
from stack.programs import VHOST, Stack
from stack.services import SERVICES, Service

UNKNOWN_USER, AUTHENTICATION_FAILED = 11, 18  # error codes of the server


def prepare_rabbitmq(stack: Stack) -> None:
    """Write what the node reads at its start: an account for each service."""
    rabbit.write_configuration(stack.layout.rabbitmq, stack.rabbit_ports, [VHOST], stack.passwords)


def prepare_mongodb(stack: Stack) -> None:
    """Wait for the mongod, and give each service an account that sees its own database only."""
    port, password = stack.ports["mongod"], stack.passwords[ADMINISTRATOR]
    wait_until(lambda: is_open(port), 60, what="mongod")
    mongo.initiate(port, ADMINISTRATOR, password)
    if not _knows_administrator(port, password):
        # The first account may be made by whoever is on the machine.
        with mongo.direct_client(port) as client:
            roles = ["root"]
            client.admin.command("createUser", ADMINISTRATOR, pwd=password, roles=roles)
    for service in SERVICES:
        _account(stack, service)


def _knows_administrator(port: int, password: str) -> bool:
    try:
        with mongo.direct_client(port, ADMINISTRATOR, password) as client:
            client.admin.command("ping")
    except OperationFailure as failure:
        if failure.code != AUTHENTICATION_FAILED:
            raise
        return False
    return True


def _account(stack: Stack, service: Service) -> None:
    own = {"db": service.package}
    account: dict[str, Any] = {
        "pwd": stack.passwords[service.name],
        "roles": [{"role": "readWrite", **own}, {"role": "dbAdmin", **own}],
    }
    port, password = stack.ports["mongod"], stack.passwords[ADMINISTRATOR]
    with mongo.direct_client(port, ADMINISTRATOR, password) as client:
        try:
            client.admin.command("updateUser", service.name, **account)
        except OperationFailure as failure:
            if failure.code != UNKNOWN_USER:
                raise
            client.admin.command("createUser", service.name, **account)
