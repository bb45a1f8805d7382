"""The org file that is drafted from a frame."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.org.draft_file import draft_org, find_empty_columns
from opp_analytics.org.guess_stages import guess_stages
from opp_analytics.org.stages import Stages


def read(text: str) -> oa.Org:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "org.toml"
        file.write_text(text, encoding="utf-8")
        return oa.Org.read(file)


def uncommented(text: str) -> str:
    """The draft with its examples in use."""
    return re.sub(r'^# (?=\[|\]|  \{|"[^"]+" = |[a-z_]+ = )', "", text, flags=re.M)


def test_draft_org__says_what_the_frame_shows_and_marks_each_guess() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Demo", "Signed", "Signed"],
            "value": [1.0, 2.0, 3.0],
            "close_date": ["2026-11-30"] * 3,
            "currency": ["EUR", "EUR", None],
            "owner_name": ["Bo", 'Ann "A"', "Bo"],
        }
    )
    text = draft_org(frame, month="2026-11").text
    assert 'currency = "EUR"  # of every deal that names one' in text
    assert '  {name = "Signed", kind = "won"},  # 2 deals; guess: won by its name' in text
    assert (
        '#   {owner_name = "Ann \\"A\\"", team = "East"},\n#   {owner_name = "Bo", team = "East"},'
        in text
    )
    org = read(text)
    assert (org.stages.open, org.stages.won, org.currency) == (("Demo",), ("Signed",), "EUR")
    assert "  # no stage of kind lost was found\n]" in text
    assert (len(org.people), len(org.targets), dict(org.report)) == (0, 0, {})


def test_draft_org__names_a_column_that_is_empty_and_reads_the_stages_from_theirs() -> None:
    frame = pd.DataFrame(
        {
            "stage": [None, None],
            "phase": ["Demo", "Won"],
            "value": [1.0, None],
            "close_date": ["2026-11-30", None],
        }
    )
    org = read(draft_org(frame, month="2026-11").text)
    assert dict(org.api_columns) == {"phase": "stage"}
    assert org.stages.names == ("Demo", "Won")


def test_draft_org__of_several_currencies_declares_none() -> None:
    frame = pd.DataFrame({"stage": ["Demo"] * 3, "currency": ["EUR", "USD", "EUR"]})
    text = draft_org(frame, month="2026-11").text
    assert (
        "# The deals are in EUR (2 deals) and USD (1 deal): choose one, and give rates of the "
        "others under [currency_rates]."
    ) in text
    assert read(text).currency is None


def test_draft_org__of_an_export_has_its_preset_and_the_labels_that_were_guessed() -> None:
    frame = pd.DataFrame(
        {"stage": ["Prospecting", "On hold"], "value": [1.0, 2.0], "close_date": ["2026-11-30"] * 2}
    )
    text = draft_org(
        frame, preset="salesforce", columns={"amount (EUR)": "value"}, month="2026-11"
    ).text
    org = read(text)
    assert org.columns["amount (EUR)"] == "value"
    assert org.columns["StageName"] == "stage"
    assert org.stages.won == ("Closed Won",)
    assert "On hold" in org.stages.open


def test_draft_org__without_a_deal_is_the_api_s_own() -> None:
    assert read(draft_org(pd.DataFrame({"stage": []}), month="2026-11").text) == oa.Org()


def test_draft_org__examples_are_right_when_their_signs_are_removed() -> None:
    org = read(uncommented(draft_org(pd.DataFrame({"stage": ["Demo"]}), month="2026-11").text))
    assert org.timezone == "America/Chicago"
    assert org.people["team"].tolist() == ["East"]
    assert org.targets["period"].tolist() == ["2026-11"]
    assert org.report["alert_when"] == "p_target < 0.5"


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(
    st.lists(
        st.tuples(names, st.sampled_from([None, "New", "Renewal"]), st.integers(0, 100)), min_size=1
    )
)
def test_draft_org__of_any_stages_is_an_org_file_that_knows_them_all(
    deals: list[tuple[str, str | None, int]],
) -> None:
    frame = pd.DataFrame(deals, columns=["stage", "pipeline", "probability"]).assign(
        owner_name=[d[0] for d in deals]
    )
    org = read(draft_org(frame, month="2026-11").text)
    unknown = [one.stage for one in guess_stages(frame, Stages(())) if one.unknown]
    assert {*frame["stage"]} - {
        name for stage in unknown for name in (stage.name, *stage.aliases)
    } <= {*org.stages.kinds}


def told(frame: pd.DataFrame, org: oa.Org = oa.Org()) -> list[tuple[Any, ...]]:  # noqa: B008
    return [
        (one.stage.name, one.stage.kind, one.deals, one.guess)
        for one in guess_stages(frame, org.stages)
    ]


def test_guess_stages__orders_open_ones_by_stated_probability_and_closed_ones_last() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Lost to rival", "Verbal", "Demo", "Demo", "Signed", "Duplicate", None, " "],
            "probability": [0, 90, 10, 20, 100, 0, 50, 50],
        }
    )
    assert told(frame) == [
        ("Demo", "open", 2, "open, as nothing says closed; its place in the order is a guess too"),
        (
            "Verbal",
            "open",
            1,
            "open, as nothing says closed; its place in the order is a guess too",
        ),
        ("Signed", "won", 1, "won by its name"),
        ("Lost to rival", "lost", 1, "lost by its name"),
        ("Duplicate", "disqualified", 1, "disqualified by its name"),
    ]
    # Two deals of Demo state different chances: none is that of the stage.
    assert [one.stage.probability for one in guess_stages(frame, oa.Org().stages)] == [
        None,
        90,
        None,
        None,
        None,
    ]


def test_guess_stages__a_status_tells_the_kind_when_all_deals_have_it() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Fin"] * 3 + ["Raus"] * 3 + ["Hm"] * 2,
            "status": ["won"] * 3 + ["lost", "lost", "active"] + ["won"] * 2,
        }
    )
    assert {name: kind for name, kind, *_ in told(frame)} == {
        "Fin": "won",
        "Raus": "open",
        "Hm": "open",
    }
    assert told(frame)[-1][-1] == "won, as its 3 deals are marked"


def test_guess_stages__keeps_known_stages_in_their_order_and_places_a_new_one_among_them() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["discovery", "negotiation", "pilot", "Closed Won"],
            "probability": [10, 80, 50, 100],
        }
    )
    assert told(frame) == [
        ("discovery", "open", 1, ""),
        ("qualification", "open", 0, ""),
        ("pilot", "open", 1, "open, as nothing says closed; its place in the order is a guess too"),
        ("proposal", "open", 0, ""),
        ("negotiation", "open", 1, ""),
        ("closed_won", "won", 1, ""),
        ("closed_lost", "lost", 0, ""),
    ]
    [won] = [one.stage for one in guess_stages(frame, oa.Org().stages) if one.stage.kind == "won"]
    assert won.aliases == ("Closed Won",)


def test_guess_stages__a_rarer_spelling_is_an_alias_of_the_more_frequent() -> None:
    [found] = guess_stages(
        pd.DataFrame({"stage": ["In-Trial", "In Trial", "In Trial"]}), oa.Org().stages
    )
    assert (found.stage.name, found.stage.aliases, found.deals) == ("In Trial", ("In-Trial",), 3)


def test_guess_stages__lists_each_pipeline_with_its_own_stages() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Demo", "Signed", "Quote", "Signed", "Signed"],
            "pipeline": ["New", "New", "Renewal", "Renewal", "New"],
        }
    )
    assert [
        (one.stage.pipeline, one.stage.name, one.deals)
        for one in guess_stages(frame, oa.Org().stages)
    ] == [
        ("New", "Demo", 1),
        ("New", "Signed", 2),
        ("Renewal", "Quote", 1),
        ("Renewal", "Signed", 1),
    ]


def test_draft_org__counts_the_deals_without_a_stage() -> None:
    frame = pd.DataFrame(
        {"stage": ["Demo", None, " ", None], "status": ["active", "active", None, "won"]}
    )
    draft = draft_org(frame, month="2026-11")
    said = (
        "2 deals without a stage, nor a status won, lost or inactive: left out of every rate and "
        "sum"
    )
    assert draft.without_stage == said
    assert f"  # {said}\n]" in draft.text
    assert draft_org(frame[:1], month="2026-11").without_stage == ""


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (
            [
                "Gewonnen",
                "GAGNEE",
                "Ganho",
                "Won 🎉",
                "closedwon",
                "Signé",
            ],
            "won",
        ),
        (
            ["Verloren", "Perdido", "Perdue", "❌ Lost", "closedlost", "Perda", "LOST_TO_RIVAL"],
            "lost",
        ),
        (
            [
                "Disqualifiziert",
                "Descalificado",
                "Disqualifié",
                "Duplicado",
                "Doublon",
                "Gediskwalificeerd",
            ],
            "disqualified",
        ),
        (
            [
                "Won't say",
                "Closing",
                "Abschluss",
                "Ganz heiß",
                "Signal",
                "Qualifiziert",
                "Wonder",
                "Fermentation",
            ],
            "open",
        ),
    ],
)
def test_guess_stages__knows_closed_ones_by_their_names_in_six_languages(
    names: list[str], kind: str
) -> None:
    found = guess_stages(pd.DataFrame({"stage": names}), Stages(()))
    assert [one.stage.name for one in found if one.unknown or one.stage.kind != kind] == []


@pytest.mark.parametrize(
    "name", ["Closed", "Abgeschlossen", "Cerrado", "Fermé", "Fechado", "Gesloten", "Done"]
)
def test_guess_stages__of_a_name_that_only_says_closed_is_unknown_and_a_comment_of_the_file(
    name: str,
) -> None:
    frame = pd.DataFrame({"stage": ["Demo", name]})
    [_, found] = guess_stages(frame, oa.Org().stages)
    assert (found.unknown, found.guess) == (
        True,
        "closed by its name, and nothing says won or lost",
    )
    text = draft_org(frame, month="2026-11").text
    assert (
        f'  # {{name = "{name}", kind = "?"}},  # 1 deal; closed by its name, and nothing says '
        "won or lost: "
        "write its kind, and remove the first #\n" in text
    )
    assert read(text).stages.kinds.get(name) is None


def test_guess_stages__a_probability_and_dates_of_closing_tell_what_a_name_does_not() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Live"] * 3 + ["Gone"] * 3 + ["Ended"] * 3 + ["Talks"] * 3 + ["Idea"] * 2,
            "probability": [100] * 3 + [0] * 3 + [None] * 3 + [50, 60, None] + [100] * 2,
            "close_date": ["2024-10-01"] * 9 + [None] * 3 + ["2024-12-01"] * 2,
        }
    )
    assert told(frame) == [
        ("Talks", "open", 3, "open, as nothing says closed; its place in the order is a guess too"),
        ("Idea", "open", 2, "open, as nothing says closed; its place in the order is a guess too"),
        ("Ended", "open", 3, "its 3 deals are closed, and nothing says won or lost"),
        ("Live", "won", 3, "won, as the probability of its 3 deals is 100%"),
        ("Gone", "lost", 3, "lost, as its 3 deals are closed with a probability of 0%"),
    ]
    assert [one.stage.name for one in guess_stages(frame, oa.Org().stages) if one.unknown] == [
        "Ended"
    ]
    # Where open deals have dates too, a date is no mark of closing.
    dated = guess_stages(frame.assign(close_date="2024-12-01"), oa.Org().stages)
    assert {one.stage.name for one in dated if one.stage.kind == "open" and not one.unknown} == {
        "Talks",
        "Idea",
        "Ended",
        "Gone",
    }


@pytest.mark.parametrize("pipeline", [None, "New"])
def test_draft_org__keeps_a_stage_of_the_preset_that_no_deal_is_in(pipeline: str | None) -> None:
    frame = pd.DataFrame(
        {
            "stage": ["Prospecting", "Closed Won", "Quote", "Closed Won"],
            "pipeline": [pipeline, pipeline, pipeline and "Renewal", pipeline and "Renewal"],
            "value": 1.0,
            "close_date": "2026-11-30",
        }
    )
    org = read(draft_org(frame, preset="salesforce", month="2026-11").text)
    home = org.stages.of(pipeline)
    assert [name for name in oa.Org.salesforce().stages.names if name not in home.names] == []
    # A pipeline with stages of its own goes through those only, and can lose.
    if pipeline:
        assert org.stages.of("Renewal").names == ("Quote", "Closed Won", "Closed Lost")


@pytest.mark.parametrize("preset", [None, "salesforce"])
def test_draft_org__of_a_pipeline_of_its_own_lists_no_open_stage_of_another(
    preset: str | None,
) -> None:
    frame = pd.DataFrame(
        {"stage": ["Demo", "Verbal", "Closed Won"], "value": 1.0, "close_date": "2026-11-30"}
    )
    org = read(draft_org(frame, preset=preset, month="2026-11").text)
    assert (org.stages.open, org.stages.won) == (("Demo", "Verbal"), ("Closed Won",))


def test_guess_stages__orders_stages_without_a_chance_as_crms_do() -> None:
    frame = pd.DataFrame(
        {
            "stage": [
                "Negotiation/Review",
                "contract sent",
                "Needs analysis",
                "Prospecting",
                "Anything",
            ]
        }
    )
    names = [one.stage.name for one in guess_stages(frame, Stages(()))]
    assert names == [
        "Prospecting",
        "Needs analysis",
        "Negotiation/Review",
        "contract sent",
        "Anything",
    ]


def test_guess_stages__takes_no_date_of_an_open_deal_for_one_of_closing() -> None:
    frame = pd.DataFrame(
        {
            "stage": ["New"] * 3 + ["Offer"] * 3 + ["Talks"] * 3,
            "close_date": [None] * 3 + ["2024-12-01"] * 3 + ["2024-12-01", None, None],
        }
    )
    assert [one.stage.name for one in guess_stages(frame, Stages(())) if one.unknown] == []
    # What lies ahead has not closed anything.
    ahead = frame[frame["stage"] != "Talks"].assign(
        close_date=pd.Series([None] * 3 + ["2999-12-01"] * 3)
    )
    assert [one.stage.name for one in guess_stages(ahead, Stages(())) if one.unknown] == []


def test_find_empty_columns__names_the_column_that_may_be_it() -> None:
    assert find_empty_columns(
        pd.DataFrame({"value": [None], "total": [5.0], "stage": ["Demo"], "close_date": [None]})
    ) == {"value": "total", "close_date": None}
    assert find_empty_columns(
        pd.DataFrame(
            {"value": [5.0], "stage": [None], "status": ["active"], "close_date": ["2026-11-25"]}
        )
    ) == {"stage": None}
