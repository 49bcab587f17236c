"""What a process is told from outside: typed environment variables, secrets also from files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# A setting that may also come as a file named by `<NAME>_FILE`, and is never shown.
Secret = Annotated[str, Field(repr=False)]


def _pairs(value: Any) -> Any:
    """`contacts=127.0.0.1:5001,analytics=...` as a mapping."""
    if not isinstance(value, str):
        return value
    pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
    if any(not name.strip() or not address.strip() for name, _, address in pairs):
        raise ValueError("is not a list of name=address, separated by commas")
    return {name.strip(): address.strip() for name, _, address in pairs}


def _list(value: Any) -> Any:
    """`5,30,120` as a list."""
    return value.split(",") if isinstance(value, str) else value


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if value and not (host and port.isdecimal() and int(port) < 2**16):
        raise ValueError("is not host:port")
    return value


def scheme(*schemes: str) -> AfterValidator:
    """Refuses an address that begins with none of these."""

    def check(value: str) -> str:
        if value and not value.startswith(schemes):
            raise ValueError(f"does not begin with {' or '.join(schemes)}")
        return value

    return AfterValidator(check)


Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[dict[str, Address], NoDecode, BeforeValidator(_pairs)]
Pause = Annotated[float, Field(gt=0)]
Seconds = Annotated[tuple[Pause, ...], NoDecode, BeforeValidator(_list)]


class ServiceSettings(BaseSettings):
    """What every service is told. A service's own settings add to it.

    `class ContactsSettings(ServiceSettings, service="contacts")` reads `CRM_CONTACTS_*`; a
    variable with that prefix that is not declared is an error.

    Raises:
        ValueError: what one is told cannot be right; names its variable.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    service: ClassVar[str] = ""

    mongodb_uri: Annotated[Secret, scheme("mongodb://", "mongodb+srv://")] = ""
    mongodb_database: str = ""
    rabbitmq_uri: Annotated[Secret, scheme("amqp://", "amqps://")] = ""
    grpc_address: Address = ""
    metrics_address: Address = ""
    peers: Addresses = {}
    token_key_file: FilePath | None = None
    token_keys_file: FilePath | None = None
    # How long a consumer holds an event back that failed, after each failure.
    retry_seconds: Seconds = (5.0, 30.0, 120.0, 600.0, 3600.0)
    time_zone: str = "UTC"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    def __init_subclass__(cls, service: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.service = service
        cls.model_config["env_prefix"] = prefix_of(service)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            told = error.errors(include_url=False, include_context=False, include_input=False)
            faults = [_worded(self.service, fault["loc"], fault["msg"]) for fault in told]
            raise ValueError("\n".join(faults)) from None

    @property
    def database_name(self) -> str:
        """The service's database: `crm_<service>` when nothing else is told."""
        return self.mongodb_database or f"crm_{self.service.replace('-', '_')}"

    def need(self, *names: str) -> Self:
        """The settings, after a look whether these are there: a process needs its own.

        Raises:
            ValueError: one is not; names its variable.
        """
        missing = [prefix_of(self.service) + name.upper() for name in names if not self._is(name)]
        if missing:
            raise ValueError(f"not set: {', '.join(missing)}")
        return self

    def _is(self, name: str) -> bool:
        return bool(getattr(self, name))

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Take secrets from their files, and refuse variables that nobody declared."""
        prefix = prefix_of(cls.service)
        for name, value in _with_prefix(os.environ, prefix):
            secret = name.removesuffix("_file")
            if name in cls.model_fields:
                continue
            if secret == name or not cls._is_secret(secret):
                raise ValueError(f"unknown variable {prefix}{name.upper()}")
            try:
                values[secret] = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeError) as error:
                raise ValueError(f"{prefix}{name.upper()} names no file of text") from error
        return values

    @classmethod
    def _is_secret(cls, name: str) -> bool:
        return name in cls.model_fields and not cls.model_fields[name].repr

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is no zone of the IANA database") from error
        return value


def prefix_of(service: str) -> str:
    """The beginning of the service's variables: `CRM_SERVICE_DESK_` of `service-desk`."""
    return f"CRM_{service.replace('-', '_').upper()}_"


def _worded(service: str, place: Sequence[int | str], said: str) -> str:
    """What is wrong, and with which variable, where it is one."""
    words = said.removeprefix("Value error, ")
    return f"{prefix_of(service)}{str(place[0]).upper()}: {words}" if place else words


def _with_prefix(variables: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in variables.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix).lower(), value
