"""Conditions: what they may hold, what they say, and that nothing else is ever run."""

from __future__ import annotations

import math
import operator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError, OrgError
from opp_analytics.org import read_condition

FIGURES = {"booked": 70.0, "expected": 180.0, "target": 200.0, "gap": 0.0, "attainment": math.nan}


def judge(condition: str) -> bool | None:
    return read_condition(condition, FIGURES).judge(FIGURES)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("booked < 0.5 * target", True),
        ("booked + 30 >= target / 2 and not expected > target", True),
        ("-booked < +1 - 2", True),
        ("0 < booked < 100", True),
        ("booked == 70 or booked != 70", True),
        ("not (booked < 100 or expected < 100)", False),
        ("booked <\n  1e2", True),
        ("booked / gap > 1", None),
        ("booked / 0 > 1", None),
        ("attainment < 1", None),
        ("1e299 * 1e299 * booked > 1", None),
        # What is not known leaves open only what depends on it.
        ("attainment < 1 or booked < 100", True),
        ("attainment < 1 and booked > 100", False),
        ("attainment < 1 and booked < 100", None),
        ("not attainment < 1", None),
    ],
)
def test_read_condition__judges_what_is_known(condition: str, holds: bool | None) -> None:
    assert judge(condition) is holds


def test_read_condition__lists_its_columns_in_order() -> None:
    condition = read_condition(" expected <  0.9 * target and booked > expected", FIGURES)
    assert condition.text == "expected < 0.9 * target and booked > expected"
    assert condition.columns == ("expected", "target", "booked")


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("booked.real > 1", "'booked.real' is not allowed; use numbers, columns"),
        ("'x'.center(9) == booked", "\"'x'.center(9)\" is not allowed"),
        ("booked > 'a' * 9", "\"'a'\" is not allowed"),
        ("f'{booked}' == 1", "is not allowed"),
        ("abs(booked) > 1", "'abs(booked)' is not allowed"),
        ("booked ** 2 > 1", "'booked ** 2' is not allowed"),
        ("9 ** 9 ** 9 ** 9 > booked", "'9 ** 9 ** 9 ** 9' is not allowed"),
        ("~booked > 1", "'~booked' is not allowed"),
        ("booked if 1 else 2", "'booked if 1 else 2' is not allowed"),
        ("(lambda: booked < 1)()", "'(lambda: booked < 1)()' is not allowed"),
        ("(booked := 1) < 2", "'booked := 1' is not allowed"),
        ("booked in (1, 2)", "'booked in (1, 2)' is not allowed"),
        (f"booked > {'9' * 400}", "is not allowed"),
        ("booked > 1 # or target < 1", "'# or target < 1' is not allowed"),
        ("booked > 1; target < 1", "'; target < 1' cannot be read"),
        ("booked > \x00", "cannot be read"),
        ("booked >", "'booked >' cannot be read"),
        ("booked", "'booked' is compared with nothing"),
        ("booked < 1 and target", "'target' is compared with nothing"),
        ("1 < 2", "it compares no column of the forecast"),
        ("bokked < 1", "the forecast has no column 'bokked'; did you mean 'booked'?"),
        ("zzz < 1", "the forecast has no column 'zzz'; use some of booked, expected"),
        (
            "booked < " + "-" * 2_000 + "1",
            "it has more than 1,000 characters; use several conditions",
        ),
        ("booked < " + "-" * 900 + "1", "it has more than 300 parts; use several conditions"),
        ("(" * 400 + "booked < 1" + ")" * 400, "cannot be read"),
        ("not " * 240 + "booked < 1", "it has more than 300 parts"),
    ],
)
def test_read_condition__names_what_is_not_allowed(condition: str, says: str) -> None:
    with pytest.raises(ArgumentValueError) as refused:
        judge(condition)
    assert says in str(refused.value)


_numbers = st.recursive(
    st.sampled_from(["booked", "expected", "target", "0.5", "3", "100"]),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner)
        | st.builds("-{}".format, inner)
    ),
    max_leaves=6,
)
_truths = st.recursive(
    st.builds(
        "{} {} {}".format, _numbers, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), _numbers
    ),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("(not {})".format, inner)
    ),
    max_leaves=5,
)


@given(_truths)
def test_read_condition__of_known_figures_judges_as_python_does(condition: str) -> None:
    try:
        read = judge(condition)
    except ArgumentValueError as refused:
        assert "compares no column" in str(refused)  # noqa: PT017
    else:
        assert read is operator.truth(eval(condition, {"__builtins__": {}}, dict(FIGURES)))


@pytest.mark.slow
@given(st.text(max_size=60) | st.text("booked<>=()'\"+-*/. \n[]{}:,#0129ef", max_size=60))
def test_read_condition__of_any_text_answers_or_refuses(condition: str) -> None:
    try:
        assert judge(condition) in (True, False, None)
    except ArgumentValueError as refused:
        assert str(refused)  # noqa: PT017


def test_org__checks_the_alerts_when_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "opp-analytics.toml"
    file.write_text(
        'currency = "USD"\n[report]\nalert_when = [\n  "booked < 1",\n  "\'abc\'.ljust(9) < '
        'booked",\n  "bokked < 1",\n]\n'
    )
    with pytest.raises(OrgError) as refused:
        oa.Org.read(file)
    first, second = map(str, refused.value.problems)
    assert first.startswith(
        "line 5: report.alert_when[1] = \"'abc'.ljust(9) < booked\": \"'abc'.ljust(9)\" is not "
        "allowed"
    )
    assert second.startswith(
        "line 6: report.alert_when[2] = 'bokked < 1': the forecast has no column 'bokked'; did "
        "you mean"
    )


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"p_target": "{gap} {line} {bound} {figure} {period} {{x}}"}, ""),
        ({"booked < 1 or  gap > 1": "{booked}, {condition}"}, ""),
        (
            {"p_tagret": "x"},
            (
                "report.alert_text.p_tagret = 'x': 'p_tagret' is none of them; did you mean "
                "'p_target'?"
            ),
        ),
        (
            {"zzz": "x"},
            "'zzz' is none of them; use a column of the forecast, or a condition of alert_when",
        ),
        (
            {"booked": "{bokked}"},
            (
                "report.alert_text.booked = '{bokked}': it has no figure for {bokked}; did you "
                "mean "
                "'booked'?"
            ),
        ),
        ({"booked": "{}"}, "it has no figure for {}; use some of booked, "),
        ({"booked": "{booked.real}"}, "it has no figure for {booked.real}"),
        ({"booked": "{booked:9}"}, "it has no figure for {booked}"),
        ({"booked": "{booked!r}"}, "it has no figure for {booked}"),
        ({"booked": "100 }"}, "write {{ or }} for a brace itself"),
        ({"booked < 1 or gap > 1": "{line}"}, "it has no figure for {line}; "),
    ],
)
def test_org__checks_the_words_of_alerts_when_it_is_read(typed: dict[str, str], says: str) -> None:
    report = {"alert_when": ["booked < 1 or gap > 1"], "alert_text": typed}
    if not says:
        assert oa.Org(report=report).report["alert_text"] == typed
        return
    with pytest.raises(OrgError) as refused:
        oa.Org(report=report)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("booked < 0.1k", True),
        ("booked < $70", False),
        ("booked >= 35% * target", True),
        ("1,000 > booked", True),
        ("booked < 1mm and booked < 1bn and booked < 2M", True),
        ("booked > 0.5%", True),
        ("booked<7%", False),
    ],
)
def test_read_condition__reads_amounts_as_they_are_typed_elsewhere(
    condition: str, holds: bool
) -> None:
    assert judge(condition) is holds
    assert read_condition(condition, FIGURES).text == condition


def test_org__takes_the_alarms_of_a_changed_world_for_a_figure() -> None:
    assert (
        oa.Org(report={"alert_when": "world_changed > 0"}).report["alert_when"]
        == "world_changed > 0"
    )
    with pytest.raises(OrgError, match="did you mean 'world_changed'"):
        oa.Org(report={"alert_when": "world_change > 0"})


@pytest.mark.parametrize(
    ("report", "says"),
    [
        (
            {
                "alert_deals_when": ["win_chance < 50% and value > 50k", "champion"],
                "milestones": [0.5, 1],
            },
            "",
        ),
        (
            {
                "alert_deals_when": "value > 1",
                "alert_text": {"value  > 1": "{name} of {owner_name}: {anything}"},
            },
            "",
        ),
        (
            {"alert_deals_when": "win_chance < 50"},
            (
                "report.alert_deals_when = 'win_chance < 50': win_chance is a share, 1 at most; "
                "write 50% or 0.5"
            ),
        ),
        (
            {"alert_deals_when": "chance < 50%"},
            "a deal has two chances; use win_chance, to be won at all, or period_chance",
        ),
        ({"alert_deals_when": ["value > 1", "stage == 'x'"]}, "report.alert_deals_when[1] = "),
        (
            {"alert_deals_when": "value > 1", "alert_text": {"value > 1": "{name!r}"}},
            "it has no figure for {name}",
        ),
        (
            {"milestones": [0.5, 90]},
            "report.milestones[1] = 90: use a list of shares of the target, such as [0.5, 0.9, 1]",
        ),
        ({"milestones": 0.5}, "use a list of shares of the target"),
    ],
)
def test_org__checks_alerts_on_deals_and_milestones_when_it_is_read(
    report: dict[str, Any], says: str
) -> None:
    if not says:
        assert oa.Org(report=report).report == report
        return
    with pytest.raises(OrgError) as refused:
        oa.Org(report=report)
    assert says in str(refused.value)


def test_read_condition__knows_the_comparisons_that_must_all_hold() -> None:
    condition = read_condition("chance < 50% and 10k < value and champion", None)
    assert [(one.column, one.word, one.line) for one in condition.comparisons] == [
        ("chance", "below", 0.5),
        ("value", "above", 10_000.0),
    ]
    assert condition.comparison is None
    assert [one.judge({"chance": 0.5, "value": math.nan}) for one in condition.comparisons] == [
        False,
        None,
    ]
    assert read_condition("chance < 50% or value > 1", None).comparisons == ()


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("next_action", ""),
        ("not champion or value > 5,000", ""),
        ("stage == 'Demo'", "\"'Demo'\" is not allowed"),
        ("len(name) > 3", "'len(name)' is not allowed"),
        ("1 < 2", "it compares no column; "),
    ],
)
def test_org__checks_the_criteria_of_stages_when_it_is_read(
    tmp_path: Path, typed: str, says: str
) -> None:
    file = tmp_path / "opp-analytics.toml"
    file.write_text(
        f'stages = [\n  {{name = "Demo", kind = "open", criteria = ["value > 0", "{typed}"]}},\n]\n'
    )
    if not says:
        org = oa.Org.read(file)
        assert org.to_dict()["stages"][0]["criteria"] == ["value > 0", typed]
        assert oa.Org(**org.to_dict()) == org
        return
    with pytest.raises(OrgError) as refused:
        oa.Org.read(file)
    (problem,) = map(str, refused.value.problems)
    assert problem.startswith("line 2: stages[0].criteria[1] = ")
    assert says in problem
