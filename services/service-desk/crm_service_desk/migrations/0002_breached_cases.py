"""Cases that have breached a target are counted by an index."""

from typing import TYPE_CHECKING, Any

from crm_service_desk.cases.documents import Case

if TYPE_CHECKING:
    from pymongo.database import Database


def up(_database: "Database[dict[str, Any]]") -> None:
    """Make what is missing."""
    Case.ensure_indexes()
