"""The address of a deal in the CRM: http, https or a relative path, checked when the org is
read."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.errors import OrgError
from opp_analytics.org import record_link

PAGE = "https://reports.example.com/weekly/page.html"


@pytest.mark.parametrize(
    "address",
    [
        "https://crm.example.com/{unique_id}",
        "HTTP://crm.example.com:8080/deals?id={unique_id}#top",
        "https://[::1]/{unique_id}",
        "https://crm.exämple.com/déal/{unique_id}",
        "deals/{unique_id}.html",
        "/deals/{unique_id}",
        "../{unique_id}",
        "?id={unique_id}:1",
        "{unique_id}",
    ],
)
def test_record_link__takes_http_https_and_a_relative_path(address: str) -> None:
    assert oa.Org(record_url=address).record_url == address
    assert record_link(address, "a:/ 1") == address.replace("{unique_id}", "a%3A%2F%201")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (
            "javascript:alert('{unique_id}')",
            "a link begins with https:// or http://, or is a relative path",
        ),
        ("file:///deals/{unique_id}", "a link begins with"),
        ("{unique_id}://crm.example.com", "a link begins with"),
        ("C:/deals/{unique_id}", "a link begins with"),
        ("//crm.example.com/{unique_id}", "a link begins with"),
        ("https:crm.example.com/{unique_id}", "it names no server"),
        ("https://:443/{unique_id}", "it names no server"),
        ("https://{unique_id}.example.com/", "{unique_id} comes after the server"),
        ("https://crm.example.com:{unique_id}/", "{unique_id} comes after the server"),
        ("https://crm.example.com:99999/{unique_id}", "it is not an address"),
        ("https://ann:secret@crm.example.com/{unique_id}", "it holds a user name or a password"),
        (
            " https://crm.example.com/{unique_id}",
            "it has a blank, a backslash or a control character",
        ),
        ("https:\\\\crm.example.com\\{unique_id}", "it has a blank"),
        ("https://crm.example.com/\x01{unique_id}", "it has a blank"),
    ],
)
def test_record_link__is_left_out_where_an_org_is_refused(address: str, says: str) -> None:
    with pytest.raises(OrgError) as refused:
        oa.Org(record_url=address)
    (problem,) = refused.value.problems
    assert problem.key == "record_url"
    assert says in problem.right
    assert "secret" not in str(refused.value)
    assert record_link(address, "a") is None


def test_record_link__of_no_id_leads_to_no_other_server() -> None:
    assert record_link("/{unique_id}/crm.example.com", "") is None
    assert record_link(None, "a") is None
    assert (
        record_link("https://crm.example.com/{unique_id}", "\ud800")
        == "https://crm.example.com/%ED%A0%80"
    )


_pieces = st.lists(
    st.sampled_from(
        [
            "https:",
            "http:",
            "javascript:",
            "//",
            "/",
            "\\",
            "crm.example.com",
            "@",
            ":",
            "?",
            "#",
            " ",
            "\t",
            "a",
            "{unique_id}",
            "%2F",
            "\x00",
            "evil",
        ]
    ),
    min_size=1,
    max_size=7,
).map("".join)


@given(_pieces, st.text(max_size=5))
def test_record_link__of_any_address_is_one_that_may_be_followed(
    address: str, unique_id: str
) -> None:
    link = record_link(address, unique_id)
    if link is not None:
        followed = urlsplit(urljoin(PAGE, link))
        assert followed.scheme in ("http", "https")
        assert "@" not in followed.netloc
        if not urlsplit(link).scheme:
            assert followed.netloc == "reports.example.com"
