"""The processes of the gateway: python -m crm_gateway {api|relay|migrate|bootstrap}."""

import argparse
import sys

from crm_gateway.settings import GatewaySettings

MIGRATIONS = "crm_gateway.migrations"


def main() -> None:
    """Run the process that the command line names, until it is asked to stop."""
    parser = argparse.ArgumentParser(prog="crm_gateway", description=__doc__)
    parser.add_argument("process", choices=["api", "relay", "migrate", "bootstrap"])
    process = parser.parse_args().process
    settings = GatewaySettings()
    # Each process imports what it runs, and nothing of the others.
    if process == "api":
        from crm_gateway.api import serve

        serve(settings)
    elif process == "relay":
        from crm_chassis.relay.relay import run

        run(settings)
    elif process == "migrate":
        from crm_chassis.mongo.migrations import run as migrate

        migrate(settings, MIGRATIONS)
    else:
        from crm_gateway.bootstrap import run as make_first_key

        sys.stdout.write(make_first_key(settings, MIGRATIONS) + "\n")


if __name__ == "__main__":
    main()
