"""The time: UTC, aware, in whole milliseconds, which is what the database keeps."""

from datetime import UTC, datetime, timedelta

MILLISECOND = timedelta(milliseconds=1)


def now() -> datetime:
    """This moment, cut to the millisecond."""
    return milliseconds(datetime.now(UTC))


def milliseconds(moment: datetime) -> datetime:
    """The same moment, cut to the millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def rfc3339(moment: datetime) -> str:
    """The moment as `2026-05-03T12:00:00.000Z`, always with three digits.

    One without a zone is UTC: the database gives it so where that is asked for.
    """
    if moment.tzinfo is None:
        return moment.isoformat(timespec="milliseconds") + "Z"
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text[:-6] + "Z"


def parse_rfc3339(text: str) -> datetime:
    """The moment that an RFC 3339 text names, cut to the millisecond.

    Raises:
        ValueError: the text names none, has no offset, or is before the year 1 or after 9999.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    try:
        return milliseconds(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError(f"{text!r} is beyond the years") from error
