"""What targets do later: their time runs out."""

from crm_chassis.kernel.errors import NotFound
from crm_chassis.mongo.schedule import Timer
from crm_chassis.resources.transaction import Transaction
from crm_service_desk.cases.documents import Case
from crm_service_desk.targets.commands import breach_target


def fire_target(tx: Transaction, timer: Timer) -> None:
    """Announce that a target was not reached in time. A case that is gone breaches nothing."""
    try:
        case = tx.load(Case, timer.subject)
    except NotFound:
        return
    breach_target(tx, case, timer.name)
