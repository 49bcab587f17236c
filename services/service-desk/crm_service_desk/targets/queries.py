"""Reads of the targets of cases."""

from crm_service_desk.cases.documents import Case
from crm_service_desk.cases.rules import UNFINISHED
from crm_service_desk.targets.rules import BREACHED, field_of


def count_breached(target: str) -> int:
    """How many cases that are not finished have breached the target."""
    condition = {
        f"{field_of(target)}_target": BREACHED,
        "state": {"$in": sorted(UNFINISHED)},
        "delete_time": None,
    }
    return int(Case.rows().count_documents(condition))
