"""The people who work at the demo company, and their teams."""

from dataclasses import dataclass

from crm_demo.api import Api, Json
from crm_demo.progress import Step
from crm_demo.seed import key_of
from crm_demo.words import COMPANY, DOMAIN

# Team: the one it belongs to.
TEAMS = {
    COMPANY: "",
    "Sales": COMPANY,
    "Sales East": "Sales",
    "Sales West": "Sales",
    "Service": COMPANY,
    "Marketing": COMPANY,
}
# Name, team, role, language, time zone.
USERS = (
    ("Priya Raman", "Sales", "roles/manager", "en-AU", "Australia/Sydney"),
    ("Tom Okafor", "Sales East", "roles/member", "en-AU", "Australia/Sydney"),
    ("Mei Tanaka", "Sales East", "roles/member", "en-AU", "Australia/Brisbane"),
    ("Jonas Weber", "Sales East", "roles/member", "de", "Australia/Melbourne"),
    ("Aisha Rahman", "Sales West", "roles/member", "en-AU", "Australia/Perth"),
    ("Liam Doyle", "Sales West", "roles/member", "en-AU", "Australia/Adelaide"),
    ("Sofia Rossi", "Service", "roles/manager", "it", "Australia/Melbourne"),
    ("Noah Nguyen", "Service", "roles/member", "vi", "Australia/Sydney"),
    ("Ruby Clarke", "Service", "roles/member", "en-AU", "Australia/Hobart"),
    ("Elif Demir", "Marketing", "roles/manager", "en-AU", "Australia/Sydney"),
    ("Oscar Lind", "Marketing", "roles/member", "en-GB", "Australia/Darwin"),
    ("Grace Kim", COMPANY, "roles/viewer", "en-AU", "Australia/Canberra"),
)
WESTERN = ("SA", "WA", "NT")


@dataclass(frozen=True)
class Crew:
    """Who is there: names of teams and users, and when the first of them was made."""

    teams: dict[str, str]
    users: dict[str, str]
    since: str
    is_new: bool

    def sellers(self, state: str) -> list[tuple[str, str]]:
        """The users, each with the team, who sell in a state."""
        team = "Sales West" if state.upper() in WESTERN else "Sales East"
        return [
            (self.users[name], self.teams[team]) for name, of_team, *_ in USERS if of_team == team
        ]


def load_crew(api: Api, progress: Step) -> Crew:
    """The teams and users; those that are missing are made."""
    found = {team["displayName"]: team for team in api.all("/v1/teams", "teams")}
    is_new = COMPANY not in found
    for name, parent in TEAMS.items():
        if name not in found:
            body: Json = {"displayName": name}
            if parent:
                body["parent"] = found[parent]["name"]
            found[name] = api.post("/v1/teams", body, key_of("team", name.replace(" ", "-")))
        progress.advance()
    teams = {name: found[name]["name"] for name in TEAMS}
    users = _users(api, teams, progress)
    return Crew(teams, users, since=found[COMPANY]["createTime"], is_new=is_new)


def _users(api: Api, teams: dict[str, str], progress: Step) -> dict[str, str]:
    found = {user["email"]: user["name"] for user in api.all("/v1/users", "users")}
    names: dict[str, str] = {}
    for name, team, role, language, zone in USERS:
        email = f"{name.lower().replace(' ', '.')}@{DOMAIN}"
        if email not in found:
            body: Json = {
                "displayName": name,
                "email": email,
                "teams": [teams[team]],
                "roles": [role],
                "languageCode": language,
                "timeZone": zone,
            }
            found[email] = api.post("/v1/users", body, key_of("user", email))["name"]
        names[name] = found[email]
        progress.advance()
    return names
