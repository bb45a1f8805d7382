"""The leading numbers of every surface are those of their functions: page, workbook, mail, Markdown,
commands and grid."""  # noqa: E501

from __future__ import annotations

import json
import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import find_lead
from opp_analytics.note import note_of
from tests.cli.kinds import Command
from tests.report.reading import read, words
from tests.surfaces.worlds import WORLDS, World

FLAGGED = re.compile(r"([\d,]+) of ([\d,]+) open deals? ha(?:s|ve) a flag")


def plain(said: str) -> str:
    """A text in one line, without the marks of Markdown."""
    return " ".join(re.sub(r"[*\\]", "", said).split())


def ask_command(command: Command, world: World, name: str, *words: object) -> str:
    """What a command prints about a world."""
    files = {
        "--org": "opp-analytics.toml",
        "--history": "opp-history",
        "--from": "deals.parquet",
    }
    asked = [word for option, file in files.items() for word in (option, world.folder / file)]
    _, printed, told = command(name, *asked, "--as-of", world.as_of, *words)
    assert printed, told
    return printed


@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name == "stated" else pytest.mark.slow) for name in WORLDS],
)
def test_surfaces__lead_with_what_their_functions_give(
    name: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world = WORLDS[name]()
    deals, history, day = world.opportunities, world.history, world.day
    forecast = oa.forecast(
        deals, as_of=day, freq=world.freq, history=history, target=world.targets, periods=4
    )
    flags = oa.deal_flags(deals, history, as_of=day)
    current: Any = forecast.loc[world.period]
    found = {name: current[name] if name in current else flags[name].sum() for name in world.truth}
    assert found == pytest.approx(world.truth, abs=0.005)

    # What each surface says.
    report = oa.weekly_report(
        deals,
        history,
        as_of=world.as_of,
        org=world.org,
        target=world.target,
        out=tmp_path / "weekly.html",
        eml=True,
        markdown=True,
        progress=False,
    )
    assert report.eml is not None
    assert report.markdown is not None
    page, mail = read(report.html), message_from_bytes(report.eml.read_bytes(), policy=default)
    letter, rich = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert letter is not None
    assert rich is not None
    texts = {
        "page": words(page.root),
        "mail as text": letter.get_content(),
        "mail as HTML": words(read(rich.get_content()).root),
        "Markdown": report.markdown.read_text("utf-8"),
    }
    texts = {surface: plain(said) for surface, said in texts.items()}
    goal = [] if world.target is None else ["--target", world.target]
    printed = ask_command(command, world, "forecast", *goal)
    told = json.loads(ask_command(command, world, "forecast", *goal, "--json"))["answers"][0]
    risk = ask_command(command, world, "risk")
    summary = {row[0]: row[1] for row in openpyxl.load_workbook(report.xlsx)["Summary"].values}
    strip = oa.edit(deals, history=history, as_of=day, freq=world.freq)._respond({"do": "strip"})

    # Each text begins with the sentence of the function, and has the figures of the page.
    sentence = plain(oa.sentence(forecast))
    assert f"{page.sentence} {page.second}".startswith(sentence)
    assert plain(" ".join([told["sentence"], *told["notes"]])).startswith(sentence)
    assert plain(told["sentence"]) in plain(printed)
    for surface, said in texts.items():
        assert page.sentence in said, surface
        assert not re.search(r"\bnan\b", said), surface
        shown = [figure for figure, _, _ in page.tiles.values() if figure != text.MISSING]
        assert [figure for figure in shown if figure not in said] == [], surface

    # The forecast, and the chance of the target.
    money = lambda value: text.money(value, world.org.currency)  # noqa: E731
    label, lead = find_lead(forecast)
    tiles = {name.partition(",")[0]: figure for name, (figure, _, _) in page.tiles.items()}
    forecasts = {
        "page": tiles["Forecast"],
        "workbook": money(summary["Forecast"]),
        "grid": strip["strip"]["period"]["before"],
    }
    assert tiles["Closed won"] == plain(money(current["booked"]))
    due: Any = forecast.loc[lead]
    if lead != label:
        assert plain(forecasts.pop("page")) == plain(money(due["expected"]))
    expected = plain(money(current["expected"]))
    assert {surface: plain(said) for surface, said in forecasts.items()} == dict.fromkeys(
        forecasts, expected
    )
    if current["booked"] < current["target"] and note_of(forecast).method != "stated":
        chances = {
            "page": tiles["Chance of target"],
            "command": text.percent(told["rows"][0]["p_target"]),
        }
        if lead != label:
            del chances["page"]
        assert chances == dict.fromkeys(chances, text.percent(current["p_target"]))

    # The deals with a flag; a chat has other words for them.
    del texts["Markdown"]
    counts = {**texts, "command": risk}
    flagged = set(FLAGGED.findall(oa.sentence(flags)))
    assert {surface: set(FLAGGED.findall(said)) for surface, said in counts.items()} == (
        dict.fromkeys(counts, flagged)
    )
