"""What storing sets in a new row."""

from datetime import datetime
from typing import Any

from crm_chassis.kernel.ids import new_id
from crm_chassis.resources.document import Resource
from crm_chassis.resources.search import set_words
from crm_chassis.telemetry.context import Call

Row = dict[str, Any]


def complete_row(document: type[Resource], row: Row, call: Call, moment: datetime) -> Row:
    """Give a new row what storing sets: id, version, times, words, owner and teams."""
    row.setdefault("_id", new_id())
    row["version"] = 1
    row["create_time"] = row["update_time"] = moment
    if document.is_owned() and document.owner_field == "owner":
        principal = call.principal
        if principal.user is not None:
            row.setdefault("owner", principal.user)
        if "teams" not in row and principal.teams:
            row["teams"] = sorted(principal.teams)
    set_words(document, row)
    return row
