"""The processes of the analytics service: python -m crm_analytics {api|consumer|migrate}."""

import argparse

MIGRATIONS = "crm_analytics.migrations"


def main() -> None:
    """Run the process that the command line names, until it is asked to stop."""
    parser = argparse.ArgumentParser(prog="crm_analytics", description=__doc__)
    parser.add_argument("process", choices=["api", "consumer", "migrate"])
    process = parser.parse_args().process
    if process == "consumer":
        from crm_chassis.consuming.patching import patch

        patch()
    # Each process imports what it runs, and nothing of the others.
    from crm_analytics.settings import AnalyticsSettings

    settings = AnalyticsSettings()
    if process == "api":
        from crm_analytics.api import answer

        answer(settings)
    elif process == "consumer":
        from crm_analytics.consumer import CHECKS, Consumer
        from crm_chassis.consuming.runner import run

        run(settings, Consumer, CHECKS)
    else:
        from crm_chassis.mongo.migrations import run as migrate

        migrate(settings, MIGRATIONS)


if __name__ == "__main__":
    main()
