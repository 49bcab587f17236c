"""The processes of the gateway: python -m crm_gateway {api|relay|migrate|contract|bootstrap}."""

import argparse
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from crm_chassis.memory import be_sparing

if TYPE_CHECKING:
    from flask import Flask

    from crm_gateway.settings import GatewaySettings

MIGRATIONS = "crm_gateway.migrations"
API_NEEDS = (
    "http_address",
    "mongodb_uri",
    "grpc_address",
    "metrics_address",
    "peers",
    "token_key_file",
    "token_keys_file",
)


def main() -> None:
    """Run the process that the command line names, until it is asked to stop."""
    parser = argparse.ArgumentParser(prog="crm_gateway", description=__doc__)
    parser.add_argument("process", choices=["api", "relay", "migrate", "contract", "bootstrap"])
    process = parser.parse_args().process
    be_sparing()
    from crm_gateway.settings import GatewaySettings

    settings = GatewaySettings()
    # Each process imports what it runs, and nothing of the others.
    if process == "api":
        from crm_gateway.server import serve

        serve(settings.need(*API_NEEDS).http_address, lambda: _running(settings))
    elif process == "relay":
        from crm_chassis.mongo.migrations import require_schema
        from crm_chassis.relay.relay import run

        run(settings, {"schema": lambda: require_schema(MIGRATIONS)})
    elif process == "migrate":
        from crm_chassis.mongo.migrations import run as migrate

        migrate(settings, MIGRATIONS)
    elif process == "contract":
        from crm_chassis.mongo.migrations import run_contract

        run_contract(settings, MIGRATIONS)
    else:
        from crm_gateway.bootstrap import run as make_first_key

        sys.stdout.write(make_first_key(settings, MIGRATIONS) + "\n")


def _running(settings: "GatewaySettings") -> "AbstractContextManager[Flask]":
    """Called in the process that answers: what it needs is not even imported before the fork."""
    from crm_gateway.api import running

    return running(settings)


if __name__ == "__main__":
    main()
