"""Numbers that people tell each other: ascending, each given once, gaps allowed.

A number is taken outside of any transaction, so that those who make things at the same time do
not wait for one another. Whoever then fails leaves a gap.
"""

from pymongo import ReturnDocument

from crm_chassis.mongo.connection import client, database

COLLECTION = "numbers"


def next_number(series: str) -> int:
    """The next number of a series, from 1 on; nobody else gets the same."""
    # Its own session: a transaction that is under way binds its session to all that it runs.
    with client().start_session() as session:
        row = database()[COLLECTION].find_one_and_update(
            {"_id": series},
            {"$inc": {"last": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
    assert row is not None, "it is made when it is not there"
    last: int = row["last"]
    return last
