"""The first screen as data, as text for a chat, and as a mail."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from opp_analytics import Org
from opp_analytics.answers import Context, say_most_to_go
from opp_analytics.answers.alerts import Alert
from opp_analytics.errors import DataWarning
from opp_analytics.report.digest import (
    MARKDOWN,
    PLAIN,
    Marks,
    Saying,
    Section,
    make_digest,
    write_chat,
    write_mail,
)
from opp_analytics.report.model import Block, Cell, Tile, WeeklyPage
from tests.pipelines import context_of, pipeline
from tests.report.digests import PEOPLE, RISK, digest


def page(*blocks: Block) -> WeeklyPage:
    return WeeklyPage(
        title="Weekly forecast, Mar 16, 2026",
        heading="Weekly forecast",
        subject="Mar 16, 2026",
        sentence="March will likely reach $180K.",
        second="Most to go: Ann.",
        warnings=("This load may be incomplete.",),
        tiles=(
            Tile("Closed won", "$70K", Cell("$5K", sign=1), "1 deal"),
            Tile("Chance of target", "–", None, "too early to say"),
            Tile("Coverage", "1.2×", Cell("0.5×", sign=-1), ""),
        ),
        since="Mar 9",
        blocks=blocks,
        source="",
    )


def sections(context: Context, *keys: str) -> tuple[Section, ...]:
    """The sections of a page with these blocks."""
    return make_digest(page(*(Block(key, "") for key in keys)), context).sections


def test_make_digest__has_the_words_and_the_tiles_of_the_page(opportunities):
    said = make_digest(page(), context_of(opportunities))
    assert said.heading == "Weekly forecast · Mar 16, 2026"
    assert said.sentence == "March will likely reach $180K."
    assert said.warnings == ("This load may be incomplete.",)
    assert said.tiles == (
        ("Closed won", "$70K", "up $5K since Mar 9", "1 deal"),
        ("Chance of target", "–", "", "too early to say"),
        ("Coverage", "1.2×", "down 0.5×", ""),
    )
    assert said.sections == ()


TARGETS = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 5.0]}
)


def test_make_digest__says_first_who_has_most_to_go(opportunities, history):
    context = context_of(opportunities, history, target=TARGETS, org=Org(currency="USD"))
    (people,) = sections(context, "people")
    assert people.says[:2] == (
        Saying("Ann", ": $70K of $150K closed, forecast $166K", strong=False),
        Saying("Bo & Co", ": $0 of $5 closed, forecast $0, none due", strong=False),
    )


def test_make_digest__begins_each_deal_with_what_to_do(opportunities):
    (listed,) = sections(context_of(opportunities, target=TARGETS), "act_today")
    assert listed.title == "First, win Alder (+120K)"
    assert listed.says[0] == Saying("Win Alder", ", Ann, 120K, due Mar 27: +120K if won by Mar 31")
    assert listed.says[3].name == "Give a date to Fir"
    (none,) = sections(context_of(pipeline([])), "act_today")
    assert (none.title, none.says) == ("No deal is open", ())


def test_make_digest__says_what_one_person_needs(opportunities):
    (hers,) = sections(context_of(opportunities, target=TARGETS, only="Ann"), "act_today")
    assert hers.note == "You need 80K; win Alder."


def test_write_chat__begins_with_the_sentence_the_alerts_and_the_tiles():
    assert write_chat(digest()).splitlines() == [
        "**Weekly forecast · Mar 16, 2026**",
        "",
        "**March will likely reach $180K.**",
        "",
        "**March is <1% likely.**",
        "",
        "March has $70K closed.",
        "",
        "**This load may be incomplete.**",
        "",
        "- Closed won: **$70K**, 1 deal",
        "- Coverage: **–**, none due",
    ]


def test_write_chat__has_a_line_for_each_team_and_person_and_deal_and_names_stay_text():
    assert write_chat(digest(PEOPLE, RISK)).splitlines()[-12:] == [
        "**Bo is short**",
        "",
        "US dollars.",
        "",
        "- **Ann**: $70 of $90 closed",
        r"- Bo \`\`\`x: $1.12K closed",
        "",
        "**1 of 2 open deals flagged**",
        "",
        "The largest first.",
        "",
        r"- **[Oak\](http://x) \*now\***, $45K, Ann: pushed 3 times, in Proposal",
    ]


def test_make_digest__names_who_has_most_to_go_only_where_no_list_does(opportunities) -> None:
    context = context_of(opportunities, target=TARGETS)
    alone, beside = (make_digest(page(*blocks), context) for blocks in ([], [Block("people", "")]))
    due = "80K to go, covered 1.5× by one open deal."
    assert alone.second == f"{due} {say_most_to_go(context)}"
    assert beside.second == due
    assert beside.second in write_chat(beside)


def test_write_chat__leaves_out_the_second_sentence_first_where_not_all_fits() -> None:
    told = replace(digest(PEOPLE, RISK), second="80K to go.")
    short = write_chat(replace(told, second=""))
    assert write_chat(told, fits=lambda words: len(words) < len(short)) == short


@pytest.mark.parametrize("name", ["@everyone", "x@here", "<@123>", "@ann", "<at>ann</at>"])
@pytest.mark.parametrize("marks", [MARKDOWN, PLAIN])
def test_write_chat__notifies_nobody_whom_a_name_mentions(name: str, marks: Marks) -> None:
    made = write_chat(digest(replace(RISK, says=(Saying(name, ": late"),))), marks)
    assert not re.search(r"@(everyone|here|ann|\d)|<at>", made)
    assert "me@corp.com" in write_chat(
        digest(replace(RISK, says=(Saying("me@corp.com", ""),))), marks
    )


def test_write_chat__leaves_out_last_lines_of_what_does_not_fit() -> None:
    says = tuple(Saying(f"Deal {n}", ": late", strong=False) for n in range(8))
    many = replace(RISK, says=says, rest="2 more on the page")
    whole = write_chat(digest(PEOPLE, many)).splitlines()
    assert whole[-9:] == [*(f"- Deal {n}: late" for n in range(8)), "- 2 more on the page"]
    cut = write_chat(digest(PEOPLE, many), fits=lambda words: "Deal 2" not in words)
    assert cut.splitlines() == whole[:-7]
    assert (
        write_chat(digest(PEOPLE, many), fits=lambda words: False)
        == "**March will likely reach $180K.**\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "a*b*",
        "_x_",
        "snake_case",
        "`code`",
        "[a](http://b)",
        "<b>x</b>",
        "<0.1",
        "~~gone~~",
        "a\\b",
        "[EMEA] x",
        "x | y",
    ],
)
def test_write_chat__shows_each_name_as_it_is(name: str) -> None:
    made = write_chat(digest(replace(RISK, says=(Saying(name, ": 45,000. Pushed."),))))
    line = made.splitlines()[-1].removeprefix("- ")
    shown = MarkdownIt("commonmark").enable("strikethrough").renderInline(line)
    assert html.unescape(shown) == f"<strong>{name}</strong>: 45,000. Pushed."


PAGE = "<!doctype html><p>Straße €".encode()
FILES = {"weekly.html": PAGE, "Прогноз 予測.xlsx": b"PK\x03\x04"}
HEADERS = {
    "From": "Forecast <forecast@example.com>",
    "To": "ada@example.com",
    "Date": "Mon, 16 Mar 2026 06:30:00 +0000",
    "Message-ID": "<1@example.com>",
}


def read(made: bytes) -> EmailMessage:
    message = message_from_bytes(made, policy=default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.fixture
def message() -> EmailMessage:
    return read(write_mail(digest(PEOPLE, RISK), FILES))


def test_write_mail__opens_as_a_draft_to_nobody(message: EmailMessage) -> None:
    assert message["Subject"] == "March will likely reach $180K."
    assert message["X-Unsent"] == "1"
    assert not {"From", "To", "Date", "Auto-Submitted"} & set(message.keys())


def test_write_mail__with_headers_is_sent_and_asks_for_no_automatic_answer() -> None:
    message = read(write_mail(digest(PEOPLE, RISK), FILES, HEADERS))
    assert {name: message[name] for name in HEADERS} == HEADERS
    assert message["X-Unsent"] is None
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "OOF, AutoReply"


@pytest.mark.parametrize(
    ("sentence", "subject"),
    [
        ("March will likely reach 180\u00a0000 €: 田中, \u2068דנה\u2069.", None),
        ("word " * 40, "word " * 29 + "…"),
        ("予測" * 100, "予測" * 74 + "予…"),
        ("=?utf-8?q?Acme?= Renewal fell below 50%.", None),
    ],
)
def test_write_mail__has_the_sentence_as_its_subject_cut_between_words(
    sentence: str, subject: str | None
) -> None:
    made = read(write_mail(replace(digest(), sentence=sentence), {}))
    assert made["Subject"] == (subject or sentence)
    assert len(made["Subject"]) <= 150


def test_write_mail__has_text_html_and_the_files_by_their_types(message: EmailMessage) -> None:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    said = text.get_content().replace("\r\n", "\n")
    assert said.startswith(write_chat(digest(PEOPLE, RISK), Marks(str)))
    assert said.endswith("\n\nThe page and its workbook are attached.\n")
    assert "March will likely reach $180K." in html.get_content()
    assert "The page and its workbook are attached." in html.get_content()
    parts = list(message.iter_attachments())
    assert {str(part.get_filename()): part.get_payload(decode=True) for part in parts} == FILES
    assert [part.get_content_type() for part in parts] == [
        "text/html",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ]


def test_write_mail__no_text_ends_a_part_early() -> None:
    made = write_mail(digest(RISK), {})
    boundary = message_from_bytes(made).get_boundary()
    name = f"--{boundary}--"
    again = read(write_mail(digest(replace(RISK, says=(Saying(name, ": late"),))), {}))
    body = again.get_body(("html",))
    assert body is not None
    assert name in body.get_content()


def test_write_mail__says_what_a_server_may_refuse() -> None:
    with pytest.warns(
        DataWarning, match=r"the mail has 13 MB; many mail servers refuse more than 10 MB"
    ):
        write_mail(digest(), {"weekly.xlsx": bytes(9_700_000)})


def test_write_mail__of_alerts_has_what_changed_and_the_sentence_alone() -> None:
    lines = [Alert("Oak fell below 50%.", True), Alert("March is back above 50%.", kind="over")]
    kept = digest(PEOPLE, RISK).keep_alerts(lines)
    message = read(write_mail(kept, {"weekly.html": PAGE}))
    assert message["Subject"] == "Oak fell below 50%."
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == [
        "Alerts · Mar 16, 2026",
        "",
        "Oak fell below 50%.",
        "",
        "March is back above 50%.",
        "",
        "March will likely reach $180K.",
        "",
        "This load may be incomplete.",
        "",
        "The page is attached.",
    ]
    assert (
        read(write_mail(digest().keep_alerts(lines[1:]), {}))["Subject"]
        == "March is back above 50%."
    )


def test_write_mail__has_no_style_sheet_and_no_script_and_names_stay_text(
    message: EmailMessage,
) -> None:
    body = message.get_body(("html",))
    assert body is not None
    html = body.get_content()
    assert not re.search(r"<style|<script|<link|src=|href=", html)
    assert html.count("style=") > 20
    assert "[Oak](http://x) *now*" in html
    assert "March is &lt;1% likely." in html


def test_write_mail__same_digest_same_bytes() -> None:
    one, other = (write_mail(digest(PEOPLE, RISK), FILES) for _ in range(2))
    assert one == other


def test_keep_alerts__sets_the_alert_large() -> None:
    made = replace(digest(), sentence="March is 9% likely to hit $1K: $2 closed, forecast $3.")
    asked = Alert("March is 9% likely to hit $1K, below 50%.", True)
    kept = made.keep_alerts([asked])
    assert (kept.heading, kept.sentence) == ("Alerts · Mar 16, 2026", made.sentence)
    body = read(write_mail(kept, {})).get_body(("html",))
    assert body is not None
    html = body.get_content()
    assert "<h1" not in html
    assert re.search(r'<p class="alarm large" style="[^"]*font-size: 18px', html)
    assert re.search(
        r'<p class="quiet" style="[^"]*font-size: 13px[^"]*">March is 9% likely',
        html.replace("&nbsp;", " "),
    )
    assert write_chat(kept).startswith(
        f"**Alerts · Mar 16, 2026**\n\n**{asked.words}**\n\n{made.sentence}"
    )
