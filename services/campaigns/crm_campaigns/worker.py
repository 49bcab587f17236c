"""What the worker of the campaigns service does, put together from the features' jobs."""

from functools import partial

from crm_campaigns.campaigns.commands import PLAN, START, WITHDRAW
from crm_campaigns.campaigns.jobs import fire_plan, fire_start, fire_withdraw
from crm_campaigns.deliveries.jobs import Sender
from crm_campaigns.mail.smtp import Server
from crm_campaigns.recipients.asking import Owner
from crm_campaigns.settings import Settings
from crm_chassis.mongo.migrations import require_schema
from crm_chassis.rpc.server import build_peers
from crm_chassis.working.duties import Duty
from crm_chassis.working.worker import run

TIMERS = {START: fire_start, PLAN: fire_plan, WITHDRAW: fire_withdraw}
CHECKS = {"schema": partial(require_schema, "crm_campaigns.migrations")}


def work(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT.

    Raises:
        ValueError: a setting is missing.
    """
    settings.need("smtp_url", "public_url", "token_key_file")
    peers = build_peers(settings)
    sender = Sender(Server.of(settings.smtp_url), settings.public_url, Owner(peers))
    duty = Duty("campaigns", sender.carry_on, sender.renew, sender.close)
    run(settings, TIMERS, {}, CHECKS, [duty])
    peers.close()
