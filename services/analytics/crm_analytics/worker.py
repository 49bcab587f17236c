"""What the worker of the analytics service does: it watches the ledger."""

from functools import partial

from crm_analytics.ledger.asking import Sources
from crm_analytics.ledger.documents import WATCHES
from crm_analytics.ledger.jobs import Watch
from crm_analytics.metrics import watch_ledger
from crm_analytics.settings import Settings
from crm_chassis.mongo.migrations import require_schema
from crm_chassis.rpc.server import build_peers
from crm_chassis.working.duties import Duty
from crm_chassis.working.worker import run

CHECKS = {"schema": partial(require_schema, "crm_analytics.migrations")}


def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        ValueError: a setting is missing.
    """
    peers = build_peers(settings.need("token_key_file"))
    sources = Sources(peers)
    watch_ledger(sources.announcing)
    watch = Watch(sources)
    run(settings, {}, {}, CHECKS, [Duty(WATCHES, watch.look, watch.renew, watch.close)])
    peers.close()
