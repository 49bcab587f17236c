"""The processes of a service: `python -m crm_sales {api|consumer|relay|worker|migrate|contract}`.

Where each finds what it runs: `api.py` has SERVICES and DOCUMENTS, `consumer.py` the class
Consumer, `worker.py` TIMERS and OPERATIONS, `settings.py` the class Settings. One that has to be
put together by its settings has a function instead: `answer(settings)`, `work(settings)`.
"""

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from crm_chassis.memory import be_sparing

if TYPE_CHECKING:
    from crm_chassis.settings import ServiceSettings


def run(package: str, *processes: str) -> None:
    """Run the process that the command line names, until it is asked to stop.

    `processes` are those that the service has beside `migrate` and `contract`. Each imports what
    it runs, and nothing of the others.
    """
    parser = argparse.ArgumentParser(prog=package, description=f"The processes of {package}.")
    parser.add_argument("process", choices=[*processes, "migrate", "contract"])
    process = parser.parse_args().process
    be_sparing()
    if process == "consumer":
        from crm_chassis.consuming.patching import patch

        patch()
    settings = import_module(f"{package}.settings").Settings()
    _STARTS[process](package, settings)


def _answer(package: str, settings: "ServiceSettings") -> None:
    from crm_chassis.rpc.server import serve

    api = import_module(f"{package}.api")
    if hasattr(api, "answer"):
        api.answer(settings)
    else:
        serve(settings, api.SERVICES, api.DOCUMENTS, _migrations(package))


def _consume(package: str, settings: "ServiceSettings") -> None:
    from crm_chassis.consuming.runner import run as consume

    consume(settings, import_module(f"{package}.consumer").Consumer, _checks(package))


def _relay(package: str, settings: "ServiceSettings") -> None:
    from crm_chassis.relay.relay import run as relay

    relay(settings, _checks(package))


def _work(package: str, settings: "ServiceSettings") -> None:
    from crm_chassis.working.worker import run as work

    worker = import_module(f"{package}.worker")
    if hasattr(worker, "work"):
        worker.work(settings)
    else:
        work(settings, worker.TIMERS, worker.OPERATIONS, _checks(package))


def _migrate(package: str, settings: "ServiceSettings") -> None:
    from crm_chassis.mongo.migrations import run as migrate

    migrate(settings, _migrations(package))


def _contract(package: str, settings: "ServiceSettings") -> None:
    from crm_chassis.mongo.migrations import run_contract

    run_contract(settings, _migrations(package))


_STARTS: Mapping[str, Callable[[str, Any], None]] = {
    "api": _answer,
    "consumer": _consume,
    "relay": _relay,
    "worker": _work,
    "migrate": _migrate,
    "contract": _contract,
}


def _checks(package: str) -> Mapping[str, Callable[[], None]]:
    """What else a process waits for: the schema that it needs."""
    from crm_chassis.mongo.migrations import require_schema

    return {"schema": partial(require_schema, _migrations(package))}


def _migrations(package: str) -> str:
    return f"{package}.migrations"
