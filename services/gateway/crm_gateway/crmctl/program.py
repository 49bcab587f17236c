"""The program `crmctl`: reads the command line and gives it to the command."""

import argparse
import os
from collections.abc import Sequence

from crm_gateway.crmctl import codes, dead_letters, doctor, imports, keys, ledger
from crm_gateway.crmctl.client import Client, Problem, Unreachable
from crm_gateway.crmctl.terminal import complain, explain, forget_output

_ABOUT = """Operate a CRM installation over its REST API.

CRM_URL is its address, CRM_API_KEY the key to ask with; `make up` writes both to .run/env."""
_EXAMPLES = """examples:
  crmctl doctor
  crmctl import contacts people.csv --map first=givenName last=familyName --dry-run
  crmctl dlq list
  crmctl ledger --hour 2026-11-22T14
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit code."""
    parser = build_parser()
    asked = parser.parse_args(arguments)
    url, key = (os.environ.get(name, "").strip() for name in ("CRM_URL", "CRM_API_KEY"))
    if not url.startswith(("http://", "https://")) or not key:
        parser.error("set CRM_URL (http://... or https://...) and CRM_API_KEY")
    if not (key.isascii() and key.isprintable()):
        parser.error("CRM_API_KEY is not a key: it has characters that no key has")
    try:
        code: int = asked.run(Client(url, key), asked)
    except Problem as problem:
        explain(problem)
        return codes.REFUSED
    except Unreachable as error:
        complain(f"error: {error}")
        return codes.UNREACHABLE
    except BrokenPipeError:  # whoever read what we say has seen enough
        forget_output()
        return codes.OK
    except OSError as error:  # a file of this machine
        complain(f"error: {error}")
        return codes.WRONG_USAGE
    except KeyboardInterrupt:
        return codes.INTERRUPTED
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands, each with its help."""
    parser = argparse.ArgumentParser(
        prog="crmctl",
        description=_ABOUT,
        epilog=f"{_EXAMPLES}\n{codes.MEANING}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for feature in (imports, dead_letters, ledger, keys, doctor):
        feature.add_commands(commands)
    return parser
