"""The processes of the contacts service: python -m crm_contacts {api|relay|worker|migrate}."""

import argparse

from crm_contacts.settings import ContactsSettings

MIGRATIONS = "crm_contacts.migrations"


def main() -> None:
    """Run the process that the command line names, until it is asked to stop."""
    parser = argparse.ArgumentParser(prog="crm_contacts", description=__doc__)
    parser.add_argument("process", choices=["api", "relay", "worker", "migrate"])
    process = parser.parse_args().process
    settings = ContactsSettings()
    # Each process imports what it runs, and nothing of the others.
    if process == "api":
        from crm_chassis.rpc.server import serve
        from crm_contacts.api import DOCUMENTS, SERVICES

        serve(settings, SERVICES, DOCUMENTS, MIGRATIONS)
    elif process == "relay":
        from crm_chassis.mongo.migrations import require_schema
        from crm_chassis.relay.relay import run

        run(settings, {"schema": lambda: require_schema(MIGRATIONS)})
    elif process == "worker":
        from crm_chassis.working.worker import run as work
        from crm_contacts.worker import CHECKS, OPERATIONS, TIMERS

        work(settings, TIMERS, OPERATIONS, CHECKS)
    else:
        from crm_chassis.mongo.migrations import run as migrate

        migrate(settings, MIGRATIONS)


if __name__ == "__main__":
    main()
