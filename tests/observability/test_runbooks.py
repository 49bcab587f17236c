"""Runbooks: what they tell people to type exists."""

import re
import shlex

import pytest
from observability.promtool import assert_parsed
from observability.runbooks import ALERTS, PAGES, blocks

from crm_gateway.crmctl.program import build_parser
from crm_gateway.ops.runbooks import ACTIONS
from monitoring import alerts, places
from stack.programs import processes
from stack.services import SERVICES

# Programs of others, and what of them is used.
KNOWN = {
    "kubectl": {"get", "logs", "describe", "top"},
    "rabbitmqctl": {"status", "list_queues", "list_bindings", "list_consumers"},
}
MAKEFILE = places.ROOT / "Makefile"
SERVERS = {"mongod", "rabbitmq", "migrate"}


def mentioned(page):
    """Commands within sentences, which may lack their arguments."""
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", page.read_text(encoding="utf-8"))
    return [span for span in spans if span.split()[0] in ("crmctl", "make", *KNOWN)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_runbook_exists(page):
    for command in [*blocks(page, "sh"), *mentioned(page)]:
        program, *arguments = shlex.split(command)
        if program == "make":
            check_make(arguments)
        elif program == "crmctl":
            check_crmctl(arguments if command in blocks(page, "sh") else [*arguments, "-h"])
        else:
            assert arguments[0] in KNOWN[program], command


def check_crmctl(arguments):
    try:
        build_parser().parse_args(arguments)
    except SystemExit as end:  # -h ends it, too, but well
        if end.code:
            pytest.fail(f"crmctl {shlex.join(arguments)}")


def check_make(arguments):
    target, *variables = arguments
    assert re.search(rf"^{target}:", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)
    told = dict(variable.split("=") for variable in variables)
    service, process = told.get("S"), told.get("P")
    if process:
        assert f"{service}/{process}" in processes()
    elif service:
        assert service in SERVERS | {one.name for one in SERVICES}


def test_the_gateway_knows_what_to_do_first_about_every_alert():
    assert set(ACTIONS) == set(map(places.kebab, alerts.alert_names()))


def test_every_expression_of_the_runbooks_is_one(tmp_path):
    assert_parsed((line for page in PAGES for line in blocks(page, "promql")), tmp_path)


def test_every_link_between_runbooks_leads_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([\w./-]+\.md)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).is_file(), f"{page.name}: {link}"


def test_the_index_has_every_page():
    index = (places.RUNBOOKS / "README.md").read_text(encoding="utf-8")

    assert [page.name for page in ALERTS if f"({page.name})" not in index] == ["README.md"]


def test_every_fault_that_is_tested_has_a_page_of_its_name():
    tested = {
        file.stem.removeprefix("test_").replace("_", "-")
        for file in (places.ROOT / "tests/faults").glob("test_*.py")
    }

    pages = {page.stem for page in (places.RUNBOOKS / "faults").glob("*.md")}

    assert pages == tested | {"README"}
