"""The people of the demo company: the columns of `people.csv` as they came, and what they lack."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import Random

from crm_demo.crew import Crew
from crm_demo.organizations import Plan
from crm_demo.seed import chance
from crm_demo.words import LANGUAGES, SOMEWHERE, SOURCES, STAGES, STATES, TITLES

FILE = Path(__file__).parents[1] / "data" / "people.csv"
SYSTEM = "febrl"
MAPPING = {
    "rec_id": f"externalIds.{SYSTEM}",
    "given_name": "givenName",
    "surname": "familyName",
    "street": "addresses[0].addressLines[0]",
    "address_2": "addresses[0].addressLines[1]",
    "suburb": "addresses[0].locality",
    "postcode": "addresses[0].postalCode",
    "state": "addresses[0].administrativeArea",
    "country": "addresses[0].regionCode",
    "address_kind": "addresses[0].kind",
    "date_of_birth": "birthDate",
    "soc_sec_id": "externalIds.social-security",
    "email": "emails[0].address",
    "email_kind": "emails[0].kind",
    "phone": "phones[0].number",
    "phone_kind": "phones[0].kind",
    "organization": "positions[0].organization",
    "title": "positions[0].title",
    "language": "languageCode",
    "time_zone": "timeZone",
    "stage": "lifecycleStage",
    "source": "source",
    "owner": "owner",
    "team": "teams[0]",
}
IMPORT = {"columns": MAPPING, "mode": "CREATE", "matchBy": [f"externalIds.{SYSTEM}"]}

Row = dict[str, str]


def read_people(path: Path = FILE) -> list[Row]:
    """The rows of the file by column, without the blanks around its cells."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = [cell.strip() for cell in next(rows)]
        return [
            dict(zip(header, (cell.strip() for cell in row), strict=False)) for row in rows if row
        ]


def file_to_import(
    people: Sequence[Row], plans: Sequence[Plan], names: Mapping[str, str], crew: Crew
) -> bytes:
    """The people with all that the import takes, as CSV; `names` are the organizations' by id."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(MAPPING))
    writer.writeheader()
    writer.writerows(_completed(people, plans, names, crew))
    return text.getvalue().encode()


def birth_date(text: str) -> str:
    """`19151111` as `1915-11-11`; nothing when there is no such day."""
    try:
        return datetime.strptime(text, "%Y%m%d").date().isoformat()  # noqa: DTZ007  a day has no zone
    except ValueError:
        return ""


def mail_name(row: Row) -> str:
    """The names as they stand before an @; the record's own id for somebody without a name."""
    names = [_plain(row.get(column, "")) for column in ("given_name", "surname")]
    return ".".join(name for name in names if name) or _plain(row["rec_id"])


def _completed(
    people: Sequence[Row], plans: Sequence[Plan], names: Mapping[str, str], crew: Crew
) -> Iterator[Row]:
    random = chance("people")
    taken: set[str] = set()
    for row in people:
        employer = random.choice(plans)
        address = _free_address(mail_name(row), employer.domain, taken)
        zone, digit = STATES.get(row.get("state", "").lower(), SOMEWHERE)
        owner, team = random.choice(crew.sellers(row.get("state", "")))
        yield {
            **{column: row.get(column, "") for column in MAPPING},
            **_address_lines(row),
            "country": "AU",
            "address_kind": "HOME",
            "date_of_birth": birth_date(row.get("date_of_birth", "")),
            "email": address,
            "email_kind": "WORK",
            "phone": f"+61{digit}{random.choice((5550, 7010))}{random.randrange(10_000):04}",
            "phone_kind": "WORK",
            "organization": names[employer.id],
            "title": random.choice(TITLES),
            "language": _drawn(random, LANGUAGES),
            "time_zone": zone,
            "stage": _drawn(random, STAGES),
            "source": random.choice(SOURCES),
            "owner": owner,
            "team": team,
        }


def _address_lines(row: Row) -> Row:
    """The house in its street and what else the address says; what there is comes first."""
    street = " ".join(part for part in (row.get("street_number"), row.get("address_1")) if part)
    lines = [line for line in (street, row.get("address_2", "")) if line]
    return dict(zip(("street", "address_2"), [*lines, "", ""], strict=False))


def _drawn(random: Random, weights: Mapping[str, int]) -> str:
    return random.choices(list(weights), weights=list(weights.values()))[0]


def _free_address(name: str, domain: str, taken: set[str]) -> str:
    address, number = f"{name}@{domain}", 1
    while address in taken:
        number += 1
        address = f"{name}{number}@{domain}"
    taken.add(address)
    return address


def _plain(text: str) -> str:
    """Letters and digits of ASCII, in lower case."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", ascii_only.lower())
