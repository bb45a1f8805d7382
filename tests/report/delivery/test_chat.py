"""Chats: what services get, in their own mark-up, over a real socket where their address allows;
and what is said of a failure."""

from __future__ import annotations

import base64
import json
import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from logging.handlers import BufferingHandler
from typing import Any
from urllib.parse import unquote_plus

import pandas as pd
import pytest
import requests

from opp_analytics import charts
from opp_analytics.errors import ConfigError
from opp_analytics.report.delivery import chat as chats
from opp_analytics.report.delivery.chat import draw_first_screen, find_chats, send_chat
from opp_analytics.report.delivery.receivers import Receiver, Unknown
from opp_analytics.report.digest import Digest
from opp_analytics.report.model import Saying
from tests.report.digests import PEOPLE, RISK, digest
from tests.support import Answer, Asked, serving, talking

_URLS, _COMMAND = "OPP_ANALYTICS_CHAT_URLS", "OPP_ANALYTICS_CHAT_COMMAND"
SLACK_HOOK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
SLACK_BOT = "slack://xoxb-1234-1234-abc124/#general"
DISCORD = "https://discord.com/api/webhooks/417421629812345678/JHMHI8qBe7bk2ZwO5U711o3dV_js"
TEAMS = "https://prod-7.westus.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=iXvlqRRF7N-abc"
SMS = f"twilio://AC{'0' * 32}:{'1' * 32}@+15551234567/+15557654321"
FAN = pd.DataFrame(
    {"booked": [0.0, 70e3], "expected": [150e3, 180e3], "low": 90e3, "high": 240e3},
    index=pd.to_datetime(["2026-03-09", "2026-03-16"]).tz_localize("UTC"),
)


def send(receiver: Receiver, page: Digest) -> str:
    assert receiver.address is not None
    return send_chat(receiver.address, page, "weekly-2026-03-16")


@pytest.fixture
def page() -> Digest:
    return replace(digest(PEOPLE, RISK), chart=charts.forecast_fan(FAN))


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
        files = {
            "ok": True,
            "channel": "C1",
            "file_id": "F1",
            "upload_url": "https://files.slack.com/upload",
            "files": [{}],
        }
        response._content = (
            b"ok" if "hooks.slack.com" in str(request.url) else json.dumps(files).encode()
        )
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
    for name in (_URLS, _COMMAND):
        monkeypatch.delenv(name, raising=False)
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


def test_find_chats__reads_what_a_command_prints(monkeypatch):
    monkeypatch.delenv(_URLS, raising=False)
    monkeypatch.setenv(_COMMAND, f"echo {SLACK_BOT} {DISCORD}")
    assert [receiver.channel for receiver in find_chats()] == ["chat", "chat"]


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


def test_send_chat__gives_a_listener_the_text_and_the_picture(find, page):
    with serving(lambda asked: Answer()) as server:
        (receiver,) = find(address(server.url, "json") + "/hook")
        assert send(receiver, page) == ""
        (asked,) = server.asked
    got = json.loads(asked.body)
    assert asked.path == "/hook"
    assert got["title"] == "Weekly forecast · Mar 16, 2026"
    assert got["message"].startswith(
        "**New: March is <1% likely.**\n\nStill: March has $70K closed.\n\n**March will"
    )
    (picture,) = got["attachments"]
    assert (picture["filename"], picture["mimetype"]) == ("weekly-2026-03-16.png", "image/png")
    assert base64.b64decode(picture["base64"])[:4] == b"\x89PNG"


def test_draw_first_screen__same_digest_same_bytes_and_none_without_a_chart(page):
    shown = replace(page, heading="Weekly forecast, 予測")
    made = [draw_first_screen(shown) for _ in range(2)]
    assert made[0] is not None
    assert made[0] == made[1]
    assert int.from_bytes(made[0][16:20], "big") == 1200
    assert draw_first_screen(replace(shown, chart=None)) is None


def test_send_chat__of_alerts_alone_has_no_picture(find, page):
    alone = page.keep_alerts(page.alerts[:1])
    with serving(lambda asked: Answer()) as server:
        (receiver,) = find(address(server.url, "json"))
        assert send(receiver, alone) == ""
        got = json.loads(server.asked[0].body)
    assert got["attachments"] == []
    assert got["title"] == "Alerts · Mar 16, 2026"
    assert got["message"] == (
        "**New: March is <1% likely.**\n\nMarch will likely reach $180K.\n\n**This load may "
        "be incomplete.**"
    )


def test_send_chat__to_a_mattermost_bot_is_a_post_in_markdown_with_the_picture_as_a_file(
    find, page
):
    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/files"):
            return Answer(201, b'{"file_infos": [{"id": "f1"}]}')
        return Answer(200 if asked.method == "GET" else 201, b'{"id": "c1"}')

    with serving(answer) as server:
        host = server.url.removeprefix("http://")
        (receiver,) = find(
            f"mmost://sales@{host}/3ccdd113474722377935511fc85d3dd4?mode=bot&to=%23weekly"
        )
        assert send(receiver, page) == ""
        *_, upload, post = server.asked
    assert b"\x89PNG" in upload.body
    got = json.loads(post.body)
    assert got["file_ids"] == ["f1"]
    assert got["message"].startswith(
        "**Weekly forecast · Mar 16, 2026**\n\n**New: March is <1% likely.**"
    )


def test_send_chat__to_ntfy_is_the_picture_with_the_text_beside_it(find, page):
    with serving(lambda asked: Answer()) as server:
        (receiver,) = find(address(server.url, "ntfy") + "/topic")
        assert send(receiver, page) == ""
        (asked,) = server.asked
    assert asked.body[:4] == b"\x89PNG"
    assert asked.query["title"] == "Weekly forecast · Mar 16, 2026"
    assert asked.query["message"].startswith(
        "New: March is <1% likely.\n\nStill: March has $70K closed."
    )


def test_send_chat__to_gotify_is_plain_and_to_one_that_shows_markdown_is_not(find, page):
    with serving(lambda asked: Answer()) as server:
        for form in ("", "?format=markdown"):
            (receiver,) = find(address(server.url, "gotify") + f"/abcdefghijklmno{form}")
            assert send(receiver, page) == ""
        plain, marked = (json.loads(asked.body) for asked in server.asked)
    assert plain["title"] == marked["title"] == "Weekly forecast · Mar 16, 2026"
    assert "\n- Closed won: $70K, 1 deal\n" in plain["message"]
    assert "\n- Closed won: **$70K**, 1 deal\n" in marked["message"]


# What the services document: bold is *one asterisk*, and of all signs &, < and > alone are escaped
# (https://docs.slack.dev/messaging/formatting-message-text); an incoming webhook takes no file.
def test_send_chat__to_slack_is_in_its_own_marks(find, page, sent):
    named = Saying("R&D <!channel> @here", ", $45K, Ann: late", strong=False)
    page = replace(page, sections=(replace(RISK, says=(named,)),))
    assert [send(receiver, page) for receiver in find(SLACK_HOOK, SLACK_BOT)] == ["", ""]
    hook, post, ask, upload, complete = sent
    for request in (hook, post):
        (shown,) = body(request)["attachments"]
        assert body(request)["mrkdwn"] is True
        assert not shown["title"]
        assert shown["text"].splitlines()[:5] == [
            "*Weekly forecast · Mar 16, 2026*",
            "",
            "*New: March is &lt;1% likely.*",
            "",
            "Still: March has $70K closed.",
        ]
        assert (
            shown["text"].splitlines()[-1]
            == "• R&amp;D &lt;!channel&gt; @\u200bhere, $45K, Ann: late"
        )
        assert "icon_url" not in body(request)
    assert ask.url is not None
    assert "filename=weekly-2026-03-16.png" in ask.url
    assert b"\x89PNG" in (upload.body if isinstance(upload.body, bytes) else b"")
    assert body(complete)["channel_id"] == "C1"


# Markdown with escapes, https://support.discord.com/hc/articles/210298617; at most 2,000 characters
# and files beside ``payload_json``, https://docs.discord.com/developers/resources/webhook.
def test_send_chat__to_discord_is_markdown_of_at_most_2000_signs_and_the_picture(find, page, sent):
    many = replace(RISK, says=tuple(Saying("*Deal*" * 90, ": late") for _ in range(5)))
    page = replace(page, sections=(PEOPLE, many))
    assert [send(receiver, page) for receiver in find(DISCORD)] == [""]
    post, upload = sent
    content = body(post)["content"]
    assert len(content) <= 2000
    assert content.startswith("**Weekly forecast · Mar 16, 2026**\n\n**New: March is <1% likely.**")
    assert content.endswith("- **" + r"\*Deal\*" * 90 + "**: late\n- 3 more on the page")
    assert b'filename="weekly-2026-03-16.png"' in (
        upload.body if isinstance(upload.body, bytes) else b""
    )


def test_send_chat__whose_picture_is_refused_does_not_send_the_text_again(
    find, page, sent, monkeypatch
):
    answer = requests.adapters.HTTPAdapter.send

    def refuse_picture(
        adapter: Any, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        response = answer(adapter, request, **options)
        response.status_code = 400 if isinstance(request.body, bytes) else 200
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", refuse_picture)
    said = [send(receiver, page) for receiver in find(DISCORD)]
    assert len(sent) == 2
    assert isinstance(said[0], Unknown)
    assert said[0].endswith("(400); the text arrived, without its picture")


# An Adaptive Card's TextBlock shows bold, lists and links of Markdown and breaks its lines at \n,
# https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features; a workflow's webhook
# takes 28 KB and no file, https://learn.microsoft.com/microsoftteams/limits-specifications-teams.
def test_send_chat__to_teams_is_a_card_of_at_most_4000_signs_without_a_file(find, page, sent):
    many = replace(RISK, says=tuple(Saying(f"<at>ann</at> {n}" * 60, ": late") for n in range(7)))
    page = replace(page, sections=(PEOPLE, many))
    assert [send(receiver, page) for receiver in find(TEAMS)] == [""]
    (post,) = sent
    (card,) = body(post)["attachments"]
    title, text = card["content"]["body"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (title["text"], text["wrap"]) == ("Weekly forecast · Mar 16, 2026", True)
    assert text["text"].startswith("**New: March is <1% likely.**\n\nStill: March has $70K closed.")
    assert 1000 < len(text["text"]) <= 4000
    assert re.search(r"- \d more on the page$", text["text"])
    assert "entities" not in card["content"]["msteams"]


def test_send_chat__to_a_telephone_is_what_fits_without_marks(find, page, sent):
    assert [send(receiver, page) for receiver in find(SMS)] == [""]
    said = unquote_plus(str(sent[0].body)).partition("&")[0]
    assert said == (
        "Body=Weekly forecast · Mar 16, 2026\n\nNew: March is <1% likely.\n\nStill: March "
        "has $70K closed.\n\nMarch will likely reach $180K.\n\nThis load may be incomplete."
    )
    assert len(said) <= 165


def test_send_chat__sends_a_sentence_whole_where_even_it_does_not_fit(find, page, sent):
    long = "March is " + "very " * 40 + "likely to hit $490K."
    page = replace(page, alerts=(), sentence=long)
    assert [send(receiver, page) for receiver in find(SMS)] == [""]
    assert f"Body={long}" in unquote_plus(str(sent[0].body))


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
    assert "onnection error" in send(receiver, page)
    monkeypatch.setattr(chats, "_SECONDS", 0.2)

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        time.sleep(1.0)

    with talking(trickle) as server:
        (receiver,) = find(address(server.url, "json"))
        said = send(receiver, page)
        assert said == "no answer within 0.2 seconds, so it may have arrived"
        assert isinstance(said, Unknown)
