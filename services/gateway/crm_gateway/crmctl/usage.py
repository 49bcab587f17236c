"""How a command declares itself: its words, its help and its examples."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from crm_gateway.crmctl.client import Client

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

Run = Callable[[Client, argparse.Namespace], int]


def add_command(
    commands: "Commands", name: str, run: Run, about: str, examples: str
) -> argparse.ArgumentParser:
    """A command that does something; its arguments are added to what this gives."""
    first = about.partition(". ")[0].rstrip(".")
    lines = "\n".join(f"  {line}" for line in examples.splitlines())
    parser = commands.add_parser(
        name,
        help=f"{first}.",
        description=about,
        epilog=f"examples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_group(commands: "Commands", name: str, about: str) -> "Commands":
    """A word that has commands below it."""
    parser = commands.add_parser(name, help=about, description=about)
    return parser.add_subparsers(required=True, metavar="COMMAND")
