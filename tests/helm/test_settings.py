"""What processes are told: each takes it, has what it needs, and every variable can be set."""

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from helm.rendered import CASES, MATRIX, PROCESSES, container, environment, of_case, pod

from chart.readme import README
from crm_chassis.rpc.server import NEEDED
from crm_chassis.settings import ServiceSettings, prefix_of
from crm_gateway.__main__ import API_NEEDS

FOLDER = "/run/secrets/crm"
NEEDS = {
    "api": NEEDED,
    "consumer": ("mongodb_uri", "rabbitmq_uri", "metrics_address"),
    "relay": ("mongodb_uri", "rabbitmq_uri", "metrics_address"),
    "worker": ("mongodb_uri", "metrics_address"),
    "migrate": ("mongodb_uri",),
    "gateway/api": API_NEEDS,
    "campaigns/worker": ("smtp_url", "public_url", "token_key_file", "peers"),
    "analytics/worker": ("token_key_file", "peers"),
    "analytics/api": (*NEEDED, "peers"),
    "sales/api": (*NEEDED, "peers"),
}
SECRETS = {
    "mongodb-uri": "mongodb://crm:secret@mongodb/?replicaSet=crm",
    "rabbitmq-uri": "amqp://crm:secret@rabbitmq/crm",
    "smtp-url": "smtp://mail:25",
    "token-key.pem": "a key",
    "token-keys.json": "{}",
}
JOBS = [(service, "migrate") for service in MATRIX]


def settings_of(service: str) -> type[ServiceSettings]:
    """The class of a service's settings."""
    module = import_module(f"crm_{service.replace('-', '_')}.settings")
    (found,) = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, ServiceSettings) and one.service == service
    ]
    return found


def name_of(service: str, process: str) -> str:
    return f"crm-{service}-{process}" + ("-1" if process == "migrate" else "")


def mounted(template: dict[str, Any]) -> list[dict[str, str]]:
    """The keys of Secrets that a pod mounts."""
    (volume,) = [one for one in template["spec"]["volumes"] if one["name"] == "secrets"]
    sources = volume["projected"]["sources"]
    return [item for source in sources for item in source["secret"]["items"]]


def mount(template: dict[str, Any], folder: Path) -> None:
    """Lay the secrets down as the kubelet would."""
    for item in mounted(template):
        (folder / item["path"]).write_text(SECRETS[item["path"]], encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_every_process_takes_what_it_is_told_and_misses_nothing(case, tmp_path, monkeypatch):
    documents = of_case(case)
    for service, process in [*PROCESSES, *JOBS]:
        name, folder = name_of(service, process), tmp_path / service / process
        folder.mkdir(parents=True)
        mount(pod(documents, name), folder)
        told = environment(documents, name)
        needed = (*NEEDS[process], *NEEDS.get(f"{service}/{process}", ()))
        with monkeypatch.context() as changed:
            for variable, value in told.items():
                changed.setenv(variable, value.replace(FOLDER, str(folder)))
            settings = settings_of(service)()

        assert settings.need(*needed)
        assert not [variable for variable, value in told.items() if "secret@" in value]


@pytest.mark.parametrize("service", MATRIX)
def test_every_variable_of_a_service_can_be_set(service):
    told: set[str] = set()
    for process in MATRIX[service]:
        told |= environment(of_case("settings"), name_of(service, process)).keys()
    fields = settings_of(service).model_fields
    calls = any(facts.get("calls") for facts in MATRIX[service].values())
    publishes = any("rabbitmq" in facts["needs"] for facts in MATRIX[service].values())
    prefix = prefix_of(service)

    missing = {
        name
        for name in fields
        if not {prefix + name.upper(), f"{prefix}{name.upper()}_FILE"} & told
    }

    assert publishes
    assert missing == (set() if calls else {"peers"})


@pytest.mark.parametrize("service", MATRIX)
def test_every_variable_that_people_choose_is_documented(service):
    documents = of_case("settings")
    text = README.read_text(encoding="utf-8")
    chosen = environment(documents, name_of(service, "migrate")).keys()
    told = {name for name in chosen if name.startswith(prefix_of(service))}

    for name in told - {f"{prefix_of(service)}MONGODB_URI_FILE"}:
        first, *others = name.removeprefix(prefix_of(service)).lower().split("_")
        assert first + "".join(word.title() for word in others) in text


def test_a_process_sees_the_secrets_that_it_needs_and_no_others():
    documents = of_case("default")

    def seen(name):
        (volume,) = [
            one for one in pod(documents, name)["spec"]["volumes"] if one["name"] == "secrets"
        ]
        items = [
            item for source in volume["projected"]["sources"] for item in source["secret"]["items"]
        ]
        return {item["path"]: item["key"] for item in items}

    assert seen("crm-gateway-api") == {
        "mongodb-uri": "gateway-uri",
        "token-key.pem": "gateway-key",
        "token-keys.json": "keys",
    }
    assert seen("crm-contacts-relay") == {
        "mongodb-uri": "contacts-uri",
        "rabbitmq-uri": "contacts-uri",
    }
    assert seen("crm-campaigns-worker") == {
        "mongodb-uri": "campaigns-uri",
        "smtp-url": "url",
        "token-key.pem": "campaigns-key",
    }
    assert seen("crm-sales-migrate-1") == {"mongodb-uri": "sales-uri"}


def test_a_change_of_settings_or_secrets_rolls_the_pods_that_have_them():
    def annotations(case, name):
        return pod(of_case(case), name)["metadata"]["annotations"]

    default, settings = (annotations(case, "crm-sales-api") for case in ("default", "settings"))
    assert default["checksum/config"] != settings["checksum/config"]
    assert default["checksum/secrets"] != settings["checksum/secrets"]
    assert default == annotations("ingress", "crm-sales-api")


def test_the_image_is_the_service_s_and_a_digest_wins_over_the_tag():
    def image(case):
        return container(pod(of_case(case), "crm-service-desk-worker"))["image"]

    assert image("default") == f"localhost/crm-service-desk:{version('crm-service-desk')}"
    assert image("production").startswith("registry.example.com/crm/crm-service-desk@sha256:")
