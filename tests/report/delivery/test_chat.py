"""Chats: what services get, over a real socket where their address allows;
and what is said of a failure."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from logging.handlers import BufferingHandler
from typing import Any

import pytest
import requests

from opp_analytics.errors import ConfigError
from opp_analytics.report.delivery import chat as chats
from opp_analytics.report.delivery.chat import find_chats, prepare_chat
from opp_analytics.report.delivery.receivers import Receiver, Unknown
from opp_analytics.report.digest import Digest, Saying
from tests.report.digests import PEOPLE, RISK, digest
from tests.support import Answer, Asked, serving, talking

_URLS = "OPP_ANALYTICS_CHAT_URLS"
SLACK_HOOK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
SLACK_BOT = "slack://xoxb-1234-1234-abc124/#general"
DISCORD = "https://discord.com/api/webhooks/417421629812345678/JHMHI8qBe7bk2ZwO5U711o3dV_js"
TEAMS = "https://prod-7.westus.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=iXvlqRRF7N-abc"


def send(receiver: Receiver, page: Digest) -> str:
    assert receiver.address is not None
    return prepare_chat(receiver.address, page)()


@pytest.fixture
def page() -> Digest:
    return digest(PEOPLE, RISK)


@pytest.fixture
def find(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Receiver]]:
    def found(*urls: str) -> list[Receiver]:
        monkeypatch.setenv(_URLS, "\n".join(urls))
        return find_chats()

    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """What would go to services whose addresses are not ours to choose."""
    made: list[requests.PreparedRequest] = []

    def answer(_: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        made.append(request)
        response = requests.Response()
        response.status_code, response.url = (
            201 if "twilio" in str(request.url) else 200,
            str(request.url),
        )
        response._content = b"ok"
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", answer)
    monkeypatch.setattr(
        "apprise.URLBase.throttle", lambda self, **_: None
    )  # seconds between two requests
    return made


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    """What a program's own log gets of everything, which pytest's gets of Apprise against its
    will."""
    root, handler = logging.getLogger(), BufferingHandler(10_000)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.buffer
    root.setLevel(level)
    root.removeHandler(handler)


def show(logged: list[logging.LogRecord]) -> str:
    return "\n".join(record.getMessage() for record in logged)


def body(request: requests.PreparedRequest) -> Any:
    return json.loads(request.body or b"")


def refuse(status: int) -> Callable[[Asked], Answer]:
    return lambda asked: Answer(status, b"no")


def address(url: str, schema: str) -> str:
    return url.replace("http", schema, 1)


def test_find_chats__of_an_empty_environment_finds_none(monkeypatch):
    monkeypatch.delenv(_URLS, raising=False)
    assert find_chats() == []


def test_find_chats__names_each_by_kind_and_checksum_and_hides_its_address(find):
    urls = [SLACK_HOOK, SLACK_BOT, DISCORD, TEAMS, "json://ann:pass@localhost/hook", SLACK_BOT]
    found = find(*urls)
    kinds = [re.fullmatch(r"(\w+) [0-9a-f]{6}", receiver.name) for receiver in found]
    assert [kind and kind[1] for kind in kinds] == ["slack", "slack", "discord", "workflow", "json"]
    assert len({receiver.name for receiver in found}) == 5
    assert [receiver.name for receiver in find(*urls)] == [receiver.name for receiver in found]
    assert not any(
        secret in repr(found) for secret in ("T1JJ3T3L2", "xoxb", "JHMHI8", "iXvlq", "pass@")
    )


@pytest.mark.parametrize(
    "wrong",
    ["slak://secret/token/abc", "secrettoken", "slack://secret", "https://secret.example.com/x"],
)
def test_find_chats__refuses_an_address_by_its_place_without_showing_it(find, wrong, logged, capfd):
    with pytest.raises(ConfigError, match="chat 2 of 3 in the environment") as refused:
        find(SLACK_BOT, wrong, DISCORD)
    assert "secret" not in f"{refused.value}{show(logged)}{capfd.readouterr()}"


def test_find_chats__without_apprise_says_what_to_install(find, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)
    with pytest.raises(ConfigError, match=r"opp-analytics\[deliver\]"):
        find(SLACK_BOT)


def test_send_chat__gives_a_listener_title_and_text(find, page):
    with serving(lambda asked: Answer()) as server:
        (receiver,) = find(address(server.url, "json") + "/hook")
        assert send(receiver, page) == ""
        (asked,) = server.asked
    got = json.loads(asked.body)
    assert asked.path == "/hook"
    assert got["title"] == "Weekly forecast · Mar 16, 2026"
    assert got["message"].startswith(
        "**March will likely reach $180K.**\n\n**March is <1% likely.**\n\nMarch has $70K closed."
    )


def test_send_chat__leaves_the_mark_up_of_slack_discord_and_teams_to_apprise(find, page, sent):
    named = Saying("R&D <!channel> @here", ", $45K, Ann: late", strong=True)
    page = replace(page, sections=(replace(RISK, says=(named,)),))
    receivers = find(SLACK_HOOK, DISCORD, TEAMS)
    assert [send(receiver, page) for receiver in receivers] == ["", "", ""]
    slack, discord, teams = (body(request) for request in sent)
    title, text = teams["attachments"][0]["content"]["body"]
    (attachment,) = slack["attachments"]
    head, block = attachment["blocks"]
    assert head["text"]["text"] == title["text"] == "Weekly forecast · Mar 16, 2026"
    assert attachment["fallback"] == title["text"]
    # Slack folds five lines of an attachment's text, and of a block that does not say so.
    assert block["expand"] is True
    shown = block["text"]
    assert shown["type"] == "mrkdwn"
    assert shown["text"].startswith("*March will likely reach $180K.*\n\n*March is <1% likely.*")
    for said in (discord["content"], text["text"]):
        assert "**March is <1% likely.**\n\nMarch has $70K closed." in said
    assert "&lt;!channel" in shown["text"]
    for said in (shown["text"], discord["content"], text["text"]):
        assert "@here" not in said
        assert ", $45K, Ann: late" in said


def test_send_chat__to_discord_and_slack_has_whole_deals_in_as_many_signs_as_they_take(
    find, page, sent
):
    many = replace(RISK, says=tuple(Saying("*Deal*" * 90, ": late") for _ in range(5)))
    page = replace(page, sections=(PEOPLE, many))
    assert [send(receiver, page) for receiver in find(DISCORD, SLACK_HOOK)] == ["", ""]
    discord, slack = map(body, sent)
    content = discord["content"]
    assert len(content) <= 2000
    assert content.endswith(r"\*Deal\*" * 90 + "**: late")
    content = slack["attachments"][0]["blocks"][1]["text"]["text"]
    assert 2000 < len(content) <= 3000
    assert content.endswith(": late")


@pytest.mark.parametrize(("status", "why"), [(500, "(500)"), (429, "(429)"), (302, "(302)")])
def test_send_chat__of_a_service_that_refuses_says_why_and_hides_the_address(
    find, page, status, why, logged, capfd
):
    with serving(refuse(status)) as server:
        for schema in ("json", "gotify", "ntfy", "mmost"):
            (receiver,) = find(f"{address(server.url, schema)}/secretsecretsecret")
            said = send(receiver, page)
            assert said.endswith(
                f"{why}; correct the address in OPP_ANALYTICS_CHAT_URLS, or run it again later"
            )
            assert "secret" not in said
    assert "secret" not in f"{show(logged)}{capfd.readouterr()}"


def test_send_chat__of_nobody_and_of_one_that_hangs_says_so(find, page, monkeypatch):
    (receiver,) = find("json://127.0.0.1:9/secret")
    said = send(receiver, page)
    assert "onnection error" in said
    assert not isinstance(said, Unknown)
    monkeypatch.setattr(chats, "_SECONDS", 0.2)

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        time.sleep(1.0)

    with talking(trickle) as server:
        (receiver,) = find(address(server.url, "json"))
        said = send(receiver, page)
        assert said == "no answer within 0.2 seconds, so it may have arrived"
        assert isinstance(said, Unknown)


def test_send_chat__without_an_answer_of_the_service_itself_does_not_know(find, page):
    outcomes = {}
    for status in (500, 502, 504):
        with serving(refuse(status)) as server:
            (receiver,) = find(address(server.url, "json"))
            outcomes[status] = isinstance(send(receiver, page), Unknown)
    with talking(lambda connection: None) as server:
        (receiver,) = find(address(server.url, "json") + "/secret")
        said = send(receiver, page)
    assert outcomes == {500: False, 502: True, 504: True}
    assert isinstance(said, Unknown)
    assert "secret" not in said


def test_send_chat__waits_longer_than_apprise_and_then_does_not_know(find, page, monkeypatch):
    def wait(asked: Asked) -> Answer:
        time.sleep(0.6)
        return Answer()

    with serving(wait) as server:
        (receiver,) = find(address(server.url, "json"))
        monkeypatch.setattr("apprise.URLBase.socket_read_timeout", 0.2)
        assert send(receiver, page) == ""
        monkeypatch.setattr(chats, "_ANSWER", 0.2)
        said = send(receiver, page)
    assert isinstance(said, Unknown)
    assert len(server.asked) == 2
