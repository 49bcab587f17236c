"""The variables of the campaigns service: CRM_CAMPAIGNS_*."""

from typing import Annotated

from pydantic import AfterValidator

from crm_chassis.settings import Secret, ServiceSettings, scheme


def _bare(value: str) -> str:
    """Without the slash at its end."""
    return value.rstrip("/")


class Settings(ServiceSettings, service="campaigns"):
    """What campaigns is told beside what every service is.

    `smtp_url` is the mail server (`smtp://user:password@host:port`; `smtp+starttls://` and
    `smtps://` are encrypted), `public_url` what the links in mails begin with: the gateway as the
    world sees it.
    """

    smtp_url: Annotated[Secret, scheme("smtp://", "smtp+starttls://", "smtps://")] = ""
    public_url: Annotated[str, scheme("http://", "https://"), AfterValidator(_bare)] = ""
