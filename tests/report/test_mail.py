"""The mail: text and HTML of the same words, styles at their elements, and the page attached."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from opp_analytics.report.mail import mail
from opp_analytics.report.markdown import plain
from tests.report.digests import PEOPLE, RISK, digest

PAGE = "<!doctype html><p>Straße €".encode()
SUBJECT = "Wochenbericht für März"


def made() -> bytes:
    return mail(digest(PEOPLE, RISK), subject=SUBJECT, page=PAGE, name="weekly.html")


@pytest.fixture
def message() -> EmailMessage:
    read = message_from_bytes(made(), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def test_mail__opens_as_a_draft_to_nobody(message: EmailMessage) -> None:
    assert message["Subject"] == SUBJECT
    assert message["X-Unsent"] == "1"
    assert not {"From", "To", "Date"} & set(message.keys())


def test_mail__has_text_html_and_the_page(message: EmailMessage) -> None:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == plain(digest(PEOPLE, RISK)).splitlines()
    assert "March will likely reach $180K." in html.get_content()
    (page,) = message.iter_attachments()
    assert (page.get_filename(), page.get_content_type()) == ("weekly.html", "text/html")
    assert page.get_payload(decode=True) == PAGE


def test_mail__has_no_style_sheet_and_no_script_and_names_stay_text(message: EmailMessage) -> None:
    body = message.get_body(("html",))
    assert body is not None
    html = body.get_content()
    assert not re.search(r"<style|<script|<link|src=|href=", html)
    assert html.count("style=") > 20
    assert "[Oak](http://x) *now*" in html
    assert "p_target &lt; 0.5" in html


def test_mail__same_digest_same_bytes() -> None:
    assert made() == made()
