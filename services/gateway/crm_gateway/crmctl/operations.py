"""What `/ops` tells the doctor: alerts and figures that nobody has to be served to see."""

from collections.abc import Iterable, Iterator

from crm_gateway.crmctl.client import Client, Json, Problem, Unreachable
from crm_gateway.crmctl.findings import MANUAL, Finding, ill, moment_of, refused, since, well
from crm_gateway.ops.runbooks import name_of, path_of

PART = "operations"
_SOURCES = {"PROMETHEUS": "Prometheus", "METRICS": "the processes' own metrics"}
# Two names for the same queue, by how much there is in it.
_SAME = {"dead-letters-piling": "dead-letters-waiting"}


class Operations:
    """What was told; or, where nothing was, what there is to say of that."""

    def __init__(self, told: Json | None, instead: Finding | None = None) -> None:
        self._told = told or {}
        self._instead = instead

    def since(self, runbook: str, subject: str) -> str:
        """Since when that is so, in words; empty where nothing is told of it."""
        for problem in self._told.get("problems", ()):
            if name_of(problem["runbook"]) == runbook and problem["subject"] == subject:
                return _since(problem)
        return ""

    def findings(self, others: Iterable[Finding]) -> Iterator[Finding]:
        """What is told of that `others` have not found."""
        if self._instead is not None:
            yield self._instead
            return
        known = {_place(one.page, one.part) for one in others if one.is_well is False}
        source = self._told["source"]
        for remark in source["remarks"]:
            yield ill(PART, remark, "target-absent", "", since(moment_of(source.get("since"))))
        problems = [one for one in self._told["problems"] if not _is_among(one, known)]
        for problem in problems:
            part = problem["subject"] or problem["name"]
            page = problem["runbook"] or MANUAL
            words = problem["summary"].removesuffix(".")
            yield Finding(False, part, words, _since(problem), problem["action"], page)
        if not problems and source["kind"] != "NONE":
            yield well(PART, f"{_seen(self._told)}, by {_SOURCES[source['kind']]}")


def told_of(client: Client) -> Operations:
    """What `/ops` tells, as far as the caller may see it."""
    try:
        told = client.get("/ops/data")
    except Problem as problem:
        if problem.status == 403:
            words = "the key may not see /ops (it needs READ on ops at ALL): not looked at"
            return Operations(None, Finding(None, PART, words))
        words = f"{problem} ({problem.document.get('reason', '')})"
        return Operations(None, refused(PART, words, "make status"))
    except Unreachable as error:
        return Operations(None, refused(PART, str(error), "make status"))
    if told["source"]["kind"] == "NONE" and not told["source"]["remarks"]:
        words = "neither CRM_GATEWAY_PROMETHEUS_URL nor CRM_GATEWAY_METRICS_URLS is set"
        return Operations(told, Finding(None, PART, words))
    return Operations(told)


def _since(problem: Json) -> str:
    return since(moment_of(problem.get("since")), is_seen=problem["isSinceSeen"])


def _seen(told: Json) -> str:
    processes = [one for service in told["services"] for one in service["processes"]]
    up = sum(one["isUp"] for one in processes)
    return f"{up} of {len(processes)} processes answer, no figure and no alert shows anything wrong"


def _place(page: str, part: str) -> tuple[str, str]:
    """What a finding is about, whoever found it."""
    runbook = name_of(page)
    return _SAME.get(runbook, runbook), part.rpartition(" of ")[2]


def _is_among(problem: Json, known: set[tuple[str, str]]) -> bool:
    return _place(problem["runbook"] or path_of(problem["name"]), problem["subject"]) in known
