"""Why the forecast moved: steps that sum to the change, each opening to its deals."""

from __future__ import annotations

from opp_analytics import History, Org
from opp_analytics.report.blocks.why import why
from opp_analytics.report.model import Note, Opening
from tests.analysis.forecasting.histories import even_months
from tests.report.pipelines import LAST_WEEK, THIS_WEEK, pipeline, recorded, tables_of


def test_why__opens_each_step_to_its_deals(opportunities, history):
    block = why(tables_of(opportunities, history))
    assert (
        block.title
        == "March is down 14K since Mar 9, to 166K: <script>alert(1)</script> lost (−20K) and the value of Alder (+16K)"
    )
    assert block.sub == "Forecast for March in expected money. Number of deals beside each bar"
    (part,) = block.parts
    assert isinstance(part, Opening)
    assert [(row.label, row.figures) for row in part.rows.rows] == [
        ("Forecast Mar 9", ("180K",)), ("Lost", ("−20K",)), ("Value", ("+16K",)), ("Chance", ("−10K",)), ("Forecast Mar 16", ("166K",)),
    ]  # fmt: skip
    behind = [deals and [(deal.name, deal.stage, deal.value) for deal in deals.deals] for deals in part.deals]
    assert behind == [
        None,
        [("<script>alert(1)</script>", "closed lost", "−20,000")],
        [("Alder", "negotiation", "+16,000")],
        [("Damson", "proposal", "−10,000")],
        None,
    ]
    assert part.deals[1] is not None
    assert part.deals[1].amount == "Expected"


def test_why__names_a_deal_that_was_removed(tmp_path):
    gone = [row for row in THIS_WEEK if row[0] != "a"]
    history = recorded(History(tmp_path / "h"), {"2026-03-09": LAST_WEEK, "2026-03-16": gone})
    (part,) = why(tables_of(pipeline(gone), history)).parts
    assert isinstance(part, Opening)
    assert part.deals[1] is not None
    assert [(deal.name, deal.stage, deal.value) for deal in part.deals[1].deals] == [
        ("Alder", "removed", "−80,000")
    ]


def test_why__says_what_the_last_record_does_not_hold(history):
    later = [(*row[:2], row[2] + 1_000, *row[3:]) for row in THIS_WEEK]
    sub = why(tables_of(pipeline(later), history)).sub
    assert sub.endswith(". Changes after the record of Mar 16 are not in it")


def test_why__says_that_the_method_changed():
    history = even_months(9)
    frame = history.as_of("2026-07-20T23:00Z")
    sub = why(tables_of(frame, history, as_of="2026-07-20", since="2026-06-10", method="auto")).sub
    assert sub.endswith("The method changed from run rate to learned; both forecasts are by learned")
    with_more = why(tables_of(frame, history, as_of="2026-07-20", since="2026-02-10", method="auto"))
    (note,) = with_more.parts
    assert isinstance(note, Note)
    assert (
        note.text
        == "The method changed: learned had too few records on Feb 10, so that day’s forecast cannot be compared."
    )


def test_why__without_history_is_left_to_the_trend(opportunities):
    assert why(tables_of(opportunities)) is None


def test_why__says_that_no_record_is_later_than_the_one_compared_with(history):
    tables = tables_of(history.as_of("2026-03-16T12:00Z"), history, as_of="2026-03-23")
    (note,) = why(tables).parts
    assert isinstance(note, Note)
    assert note.text == "No record after Mar 16 shows what moved."


def test_why__after_a_single_record_says_when(opportunities, tmp_path):
    history = recorded(History(tmp_path / "h"), {"2026-03-16": THIS_WEEK})
    (note,) = why(tables_of(opportunities, history)).parts
    assert isinstance(note, Note)
    assert note.text == "The first record is from Mar 16; a comparison is possible from Mar 20 on."


def test_why__is_in_the_money_of_the_page(opportunities, history):
    block = why(tables_of(Org(currency="CHF").apply(opportunities), history))
    assert block.title.startswith("March is down CHF\u00a014K since Mar 9, to CHF\u00a0166K")
