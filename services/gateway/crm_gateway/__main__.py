"""The processes of the gateway: python -m crm_gateway {api|relay|migrate}."""

import argparse
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from crm_gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from flask import Flask

MIGRATIONS = "crm_gateway.migrations"
API_NEEDS = (
    "http_address",
    "grpc_address",
    "metrics_address",
    "mongodb_uri",
    "token_key_file",
    "token_keys_file",
)


def main() -> None:
    """Run the process that the command line names, until it is asked to stop."""
    parser = argparse.ArgumentParser(prog="crm_gateway", description=__doc__)
    parser.add_argument("process", choices=["api", "relay", "migrate"])
    process = parser.parse_args().process
    settings = GatewaySettings()
    # Each process imports what it runs, and nothing of the others.
    if process == "api":
        from crm_gateway.server import serve

        settings.need(*API_NEEDS)
        serve(settings.http_address, lambda: _running(settings))
    elif process == "relay":
        from crm_chassis.relay.relay import run

        run(settings)
    else:
        from crm_chassis.mongo.migrations import run as migrate

        migrate(settings, MIGRATIONS)


def _running(settings: GatewaySettings) -> "AbstractContextManager[Flask]":
    """Called in the process that answers: what it needs is not even imported before."""
    from crm_gateway.api import running

    return running(settings, MIGRATIONS)


if __name__ == "__main__":
    main()
