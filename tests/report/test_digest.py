"""The digest: the first screen in words, the same figures as on the page."""

from __future__ import annotations

from opp_analytics.report.digest import digest
from opp_analytics.report.model import Block, Cell, Column, Group, Line, Note, Page, Table, Tile


def page(*blocks: Block) -> Page:
    return Page(
        title="Weekly forecast, Mar 16, 2026",
        heading="Weekly forecast",
        subject="Mar 16, 2026",
        sentence="March will likely reach $180K.",
        second="Most to go: Ann.",
        warnings=("This load may be incomplete.",),
        tiles=(
            Tile("Closed won", "$70K", Cell("$5K", sign=1), "1 deal"),
            Tile("Chance of target", "–", None, "too early to say"),
        ),
        since="Mar 9",
        blocks=blocks,
        source="",
    )


PEOPLE = Table(
    (Column("Owner", right=False), Column("Closed"), Column("", kind="pict"), Column("Since Mar 9")),
    (
        Group(
            (
                Line((Cell("West"), Cell("90"), Cell("", picture="<svg/>"), Cell("5", sign=1)), "group"),
                Line((Cell("Ann"), Cell("70"), Cell("", picture="<svg/>"), Cell("5", sign=-1)), "member"),
                Line((Cell("Bo"), Cell("20"), Cell("", picture="<svg/>"), Cell("–")), "member", kept=True),
            ),
            folded=True,
        ),
    ),
    "people",
)


def test_digest__has_the_words_and_the_tiles_of_the_page():
    said = digest(page())
    assert said.heading == "Weekly forecast · Mar 16, 2026"
    assert (said.sentence, said.second) == ("March will likely reach $180K.", "Most to go: Ann.")
    assert said.warnings == ("This load may be incomplete.",)
    assert said.tiles == (
        ("Closed won", "$70K", "▲ $5K since Mar 9, 1 deal"),
        ("Chance of target", "–", "too early to say"),
    )
    assert said.sections == ()


def test_digest__leaves_out_pictures_and_what_is_folded():
    (people,) = digest(page(Block("people", "One of two is short", "bars", (PEOPLE,)))).sections
    assert (people.name, people.title, people.note) == ("People", "One of two is short", "")
    assert people.columns == ("Owner", "Closed", "Since Mar 9")
    assert people.right == (False, True, True)
    assert people.rows == (("West", "90", "▲ 5"), ("Bo", "20", "–"))


def test_digest__of_a_block_without_a_table_has_its_title_alone():
    (risk,) = digest(
        page(Block("risk", "No deal at risk", parts=(Note("None shows a warning sign."),)))
    ).sections
    assert (risk.title, risk.rows) == ("No deal at risk", ())


def test_digest__has_no_other_block():
    assert digest(page(Block("funnel", "Funnel", parts=(PEOPLE,)))).sections == ()
