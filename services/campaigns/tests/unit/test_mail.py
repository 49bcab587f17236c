"""How mails are written: what goes over the wire is what every mail program reads."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_campaigns.campaigns.rules import template_of
from crm_campaigns.mail.rules import Envelope, Letter, message_id, write_mail
from crm_campaigns.mail.smtp import Server
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid

URL = "https://crm.example.com/unsubscribe/" + "x" * 64


def a_letter(subject="Hello {{ contact.givenName }}", body="Dear {{ contact.givenName }}"):
    return Letter(template_of(subject), template_of(body), "news@example.com", {"name": "Spring"})


def written(letter, **contact):
    envelope = Envelope("ann@example.com", "<1.2@example.com>", URL)
    return write_mail(letter, contact, envelope, now())


def read(mail):
    return message_from_bytes(mail, policy=policy.default)


_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)


@given(_text, _text)
def test_whatever_people_are_called_the_mail_says_it_and_nothing_more(given_name, display_name):
    mail = written(a_letter(), givenName=given_name, displayName=display_name)

    found = read(mail)

    assert sorted(found.keys()) == sorted(read(written(a_letter())).keys())
    assert found["List-Unsubscribe"] == f"<{URL}>"
    assert found["To"].addresses[0].addr_spec == "ann@example.com"
    expected = f"Dear {given_name}".splitlines()
    assert found.get_content().splitlines() == expected
    assert max(map(len, mail.split(b"\r\n"))) <= 998
    assert b"\n" not in mail.replace(b"\r\n", b"")


def test_words_beyond_ascii_arrive_as_they_are():
    mail = read(written(a_letter(), givenName="Änn", displayName="Änn Müller"))

    assert mail["Subject"] == "Hello Änn"
    assert mail["To"].addresses[0].display_name == "Änn Müller"
    assert mail.get_content() == "Dear Änn\r\n" or mail.get_content() == "Dear Änn\n"


def test_a_name_cannot_smuggle_in_a_header():
    mail = read(written(a_letter(), givenName="x\r\nBcc: eve@example.com", displayName="y\nCc: z"))

    assert mail["Bcc"] is None
    assert mail["Cc"] is None
    assert mail["Subject"] == "Hello x Bcc: eve@example.com"


def test_a_template_that_goes_too_far_is_refused():
    endless = "{% for i in (1..1000000) %}x{% endfor %}"

    with pytest.raises(Invalid) as refused:
        written(a_letter(body=endless))

    assert refused.value.flaws[0].reason == "TEMPLATE"


def test_the_id_of_a_mail_follows_from_its_delivery():
    name = "campaigns/1/deliveries/2"

    assert message_id(name, "news@example.com") == "<2.1@example.com>"


def test_a_mail_server_is_told_by_its_address():
    plain = Server.of("smtp://127.0.0.1:2525")
    known = Server.of("smtp+starttls://user:p%40ss@mail.example.com")

    assert (plain.host, plain.port, plain.user) == ("127.0.0.1", 2525, "")
    assert (known.port, known.user, known.password) == (587, "user", "p@ss")
