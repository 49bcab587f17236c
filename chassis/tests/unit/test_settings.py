"""Settings: typed, strict about their prefix, secrets also from files."""

import pytest

from crm_chassis.settings import Secret, ServiceSettings


class DeskSettings(ServiceSettings, service="service-desk"):
    mail_password: Secret = ""
    reply_address: str = ""


@pytest.fixture
def told(monkeypatch):
    def tell(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"CRM_SERVICE_DESK_{name}", value)
        return DeskSettings()

    return tell


def test_settings_have_defaults(told):
    settings = told()

    assert settings.service == "service-desk"
    assert settings.database_name == "crm_service_desk"
    assert (settings.time_zone, settings.log_level) == ("UTC", "INFO")


def test_peers_are_read_as_pairs(told):
    settings = told(PEERS="contacts=127.0.0.1:5001, sales=sales:5002")

    assert settings.peers == {"contacts": "127.0.0.1:5001", "sales": "sales:5002"}


def test_a_secret_may_come_from_a_file(told, tmp_path):
    file = tmp_path / "password"
    file.write_text("hush\n", encoding="utf-8")

    settings = told(MAIL_PASSWORD_FILE=str(file))

    assert settings.mail_password == "hush"


def test_secrets_are_never_shown(told):
    settings = told(MONGODB_URI="mongodb://crm:hush@db", MAIL_PASSWORD="hush")

    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("MONGODB_URL", "x", "CRM_SERVICE_DESK_MONGODB_URL"),
        ("REPLY_ADDRESS_FILE", "x", "CRM_SERVICE_DESK_REPLY_ADDRESS_FILE"),
        ("TIME_ZONE", "Mars/Olympus", "CRM_SERVICE_DESK_TIME_ZONE: is no zone"),
        ("LOG_LEVEL", "LOUD", "CRM_SERVICE_DESK_LOG_LEVEL"),
        ("PEERS", "contacts", "CRM_SERVICE_DESK_PEERS"),
        ("PEERS", "contacts=here", "CRM_SERVICE_DESK_PEERS"),
        ("GRPC_ADDRESS", "5001", "CRM_SERVICE_DESK_GRPC_ADDRESS: is not host:port"),
        ("METRICS_ADDRESS", "127.0.0.1:99999", "CRM_SERVICE_DESK_METRICS_ADDRESS"),
        ("MONGODB_URI", "db:27017", "CRM_SERVICE_DESK_MONGODB_URI"),
        ("RABBITMQ_URI", "http://broker", "CRM_SERVICE_DESK_RABBITMQ_URI"),
        ("RETRY_SECONDS", "5,soon", "CRM_SERVICE_DESK_RETRY_SECONDS"),
        ("RETRY_SECONDS", "5,-1", "CRM_SERVICE_DESK_RETRY_SECONDS"),
        ("TOKEN_KEY_FILE", "/nowhere/key.pem", "CRM_SERVICE_DESK_TOKEN_KEY_FILE"),
        ("MAIL_PASSWORD_FILE", "/nowhere/password", "CRM_SERVICE_DESK_MAIL_PASSWORD_FILE"),
    ],
)
def test_what_cannot_be_right_is_an_error_that_names_its_variable(told, name, value, word):
    with pytest.raises(ValueError, match=word):
        told(**{name: value})


def test_an_error_does_not_show_the_value(told):
    with pytest.raises(ValueError, match="CRM_SERVICE_DESK_LOG_LEVEL") as error:
        told(LOG_LEVEL="hush", MONGODB_URI="mongodb://crm:hush@db")

    assert "hush" not in str(error.value)


def test_a_process_names_the_variables_that_it_misses(told):
    settings = told(MONGODB_URI="mongodb://db")

    with pytest.raises(ValueError, match="CRM_SERVICE_DESK_RABBITMQ_URI") as error:
        settings.need("mongodb_uri", "rabbitmq_uri")

    assert "MONGODB" not in str(error.value)
