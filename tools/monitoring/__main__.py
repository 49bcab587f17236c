"""`python -m monitoring {write|check}`: makes rules and dashboards, or says what is wrong."""

import argparse
import sys

from monitoring import alerts, pages, writing


def main() -> int:
    parser = argparse.ArgumentParser(prog="monitoring", description=__doc__)
    parser.add_argument("command", choices=["write", "check"])
    if parser.parse_args().command == "write":
        writing.write()
        return 0
    found = [*writing.stale(), *alerts.complaints(), *pages.complaints()]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
