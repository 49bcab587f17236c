"""What campaigns do later: start at their time, settle recipients, let go of those not reached."""

from crm_campaigns.campaigns.commands import PLAN, WITHDRAW, start_scheduled
from crm_campaigns.deliveries.commands import plan_deliveries, withdraw_deliveries
from crm_chassis.mongo.schedule import Timer, schedule
from crm_chassis.resources.transaction import Transaction


def fire_start(tx: Transaction, timer: Timer) -> None:
    """Begin to send a campaign whose time has come."""
    start_scheduled(tx, timer.subject)


def fire_plan(tx: Transaction, timer: Timer) -> None:
    """Settle some recipients, and the next ones after that."""
    if plan_deliveries(tx, timer.subject):
        schedule(tx, PLAN, timer.subject, tx.now)


def fire_withdraw(tx: Transaction, timer: Timer) -> None:
    """Let go of some of those that a cancelled campaign does not reach, and then the next ones."""
    if withdraw_deliveries(tx, timer.subject):
        schedule(tx, WITHDRAW, timer.subject, tx.now)
