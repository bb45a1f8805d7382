"""The weekly page: what it says, opens, escapes, admits, and that it says it the same way twice."""

import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from opp_analytics import History, Method, errors, org, weekly_report
from tests.report.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, pipeline


class _Page(HTMLParser):
    """Text per heading, rows per table caption, details per summary, and every tag."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.tables, self.details = [], [], {}, {}
        self._caption = self._cell = self._summary = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag in ("caption", "summary"):
            self._cell = ""
        elif tag == "tr":
            self._row = []
        elif tag in ("td", "th"):
            self._cell = ""

    def handle_data(self, data):
        if self._cell is not None:
            self._cell += data

    def handle_endtag(self, tag):
        if tag == "caption":
            self._caption, self._cell = self._cell, None
            self.tables[self._caption] = []
        elif tag == "summary":
            self.details[self._cell.split(":")[0]] = self._cell
            self._cell = None
        elif tag in ("td", "th"):
            self._row.append(self._cell)
            self._cell = None
        elif tag == "tr":
            self.tables[self._caption].append(self._row)


@pytest.fixture
def read(tmp_path):
    """Makes a report and reads its page."""

    def make(opportunities, history=None, **asked):
        asked = {"as_of": AS_OF, **asked}
        text = weekly_report(opportunities, history, out=tmp_path / "out.html", **asked).html.read_text(
            "utf-8"
        )
        return text, _Page(text)

    return make


def test_weekly_report__headline_says_period_money_range_and_target(
    opportunities, history, read, monkeypatch
):
    monkeypatch.setenv("BLOCKS_CURRENCY", "EUR")
    text, _ = read(opportunities, history, target=150_000)
    assert (
        "2026-03 as of Mar 16, 2026: €70K booked, €166K expected (€70K to €190K in 8 of 10 cases, "
        "if the stated probabilities are right); "
        "the target of €150K has a probability of 80%: open deals due are 1.5 times the gap." in text
    )


def test_weekly_report__says_how_often_past_ranges_held(read, tmp_path):
    kept = History(tmp_path / "three months")
    # On each 16th a deal of 100,000 is due with even chances; January's is lost, February's brings twice as much.
    states = [
        ("2026-01-16", "January", "2026-01-30", "proposal", 100_000.0),
        ("2026-02-02", "January", "2026-01-30", "closed_lost", 100_000.0),
        ("2026-02-16", "February", "2026-02-26", "proposal", 100_000.0),
        ("2026-03-02", "February", "2026-02-26", "closed_won", 200_000.0),
    ]
    rows = {}
    for day, name, due, stage, value in states:
        status = {"closed_won": "won", "closed_lost": "lost"}.get(stage, "active")
        rows[name] = (name, name, value, stage, status, due, 50, "Ann")
        frame = pipeline(list(rows.values()))
        frame.attrs = {}
        kept.record(frame, at=f"{day}T06:00:00Z")
    now = pipeline([*rows.values(), ("m", "March", 50_000.0, "proposal", "active", "2026-03-30", 50, "Ann")])
    text, page = read(now, kept)
    assert (
        "Past ranges made equally long before the end held in 1 of 2 periods "
        "and together expected 50% less than was booked." in text
    )
    assert "10% to 90% of outcomes; past ones held in 1 of 2" in text
    # February ends on the 28th, three days earlier in its month than March: its record of the 16th is near enough.
    assert page.tables["How past forecasts turned out"][1:] == [
        ["2026-02", "2026-02-16", "12", "0", "50,000", "100,000", "200,000", "−150,000", "no"],
        ["2026-01", "2026-01-16", "15", "0", "50,000", "100,000", "0", "50,000", "yes"],
    ]


def test_weekly_report__without_a_period_that_is_over_no_range_is_judged(opportunities, history, read):
    text, page = read(opportunities, history)
    assert (
        "Past ranges cannot be judged yet: no period before 2026-03 has a record as long before its end"
        in text
    )
    assert "10% to 90% of outcomes; not judged yet" in text
    assert "How past forecasts turned out" not in page.tables


def test_weekly_report__past_records_that_cannot_be_used_are_said(read, tmp_path):
    kept = History(tmp_path / "odd")
    for day, probability in (("2026-02-16", 150), ("2026-03-02", 50)):
        frame = pipeline([("a", "A", 10.0, "proposal", "active", "2026-02-27", probability, "Ann")])
        frame.attrs = {}
        kept.record(frame, at=f"{day}T06:00:00Z")
    text, _ = read(pipeline(THIS_WEEK), kept)
    assert re.search(r"Past ranges cannot be judged: .*150", text)


def test_weekly_report__without_a_record_a_week_old_says_when_there_is_one(opportunities, read, tmp_path):
    kept = History(tmp_path / "young")
    for moment in ("2026-03-15T06:00:00Z", "2026-03-16T06:00:00Z", "2026-03-16T06:00:09Z"):
        frame = pipeline(THIS_WEEK)
        frame.attrs = {}
        kept.record(frame, at=moment)
    text, page = read(opportunities, kept)
    assert (
        "No history yet: no record from a week ago; the nearest is from 2026-03-15 06:00 UTC, "
        "and a comparison is possible from Mar 22 on." in text
    )
    assert "nothing moved" not in text
    assert "Open pipeline, step by step" not in page.tables
    # The records of 15 and 16 March do show what slipped, but not what was pushed again this week.
    assert "Deals due 2026-03-15 to 2026-03-16" in page.tables
    assert "Pushed again this week: no record from a week ago" in text


@pytest.mark.parametrize(
    ("days", "compared"),
    [
        (["2026-03-08", "2026-03-09", "2026-03-10", "2026-03-16"], "Mar 9, 7 days before"),
        (["2026-03-08", "2026-03-10", "2026-03-16"], "Mar 8, 8 days before"),
        (["2026-02-09", "2026-03-06", "2026-03-16"], "Mar 6, 10 days before"),
        (["2026-02-09", "2026-03-12", "2026-03-16"], "Mar 12, 4 days before"),
        (["2026-03-05", "2026-03-13", "2026-03-16"], None),
    ],
)
def test_weekly_report__compares_with_the_record_nearest_to_a_week_ago(
    opportunities, read, tmp_path, days, compared
):
    kept = History(tmp_path / "kept")
    for day in days:
        frame = pipeline(LAST_WEEK if day < AS_OF else THIS_WEEK)
        frame.attrs = {}
        kept.record(frame, at=f"{day}T06:00:00Z")
    text, _ = read(opportunities, kept)
    if compared is None:
        assert "the nearest is from 2026-03-13 06:00 UTC, and a comparison is possible from Mar 20 on" in text
    else:
        assert f"Since the record of {compared}: Pipeline went from 200K (4 deals)" in text


def test_weekly_report__of_a_day_that_nobody_has_seen_warns(opportunities, history, read):
    with pytest.warns(
        errors.DataWarning, match="last seen on Mar 16, 2026: these numbers miss later changes"
    ):
        text, page = read(opportunities, history, as_of="2026-03-20")
    assert ("p", {"class": "alarm", "role": "alert"}) in page.tags
    assert "As of Mar 20, 2026, but the pipeline was last seen on Mar 16, 2026" in text
    # A record of that day, or the server's own stamp, is a look at it.
    opportunities["updated_at"] = pd.Timestamp("2026-03-20T01:00Z")
    assert "was last seen on" not in read(opportunities, history, as_of="2026-03-20")[0]


def test_weekly_report__the_running_period_slips_first(opportunities, history, read):
    _, page = read(opportunities, history, freq="W")
    captions = [caption for caption in page.tables if re.fullmatch(r"Deals due \S+ to \S+", caption)]
    assert captions == sorted(captions, reverse=True)
    assert len(captions) == 2


def test_weekly_report__deals_without_a_value_are_not_worth_nothing(history, read):
    frame = pipeline(THIS_WEEK)
    frame.loc[frame["unique_id"] == "a", "value"] = None
    text, page = read(frame, history)
    assert "1 deal without a value slipped again this week." in text
    assert page.details["negotiation"] == "negotiation: 1 deal"


def test_weekly_report__a_target_that_is_met_or_out_of_reach_is_said(opportunities, read):
    assert "the target of 60K is met." in read(opportunities, target=60_000)[0]
    assert "the target of 900K is out of reach" in read(opportunities, target={"2026-03": 900_000})[0]
    assert "no target was given for this period" in read(opportunities)[0]


def test_weekly_report__every_section_in_order(opportunities, history, read):
    text, _ = read(opportunities, history)
    assert re.findall(r'<h2 id="[\w]+-title">(.*?)</h2>', text) == [
        "Forecast by period",
        "What changed since last week",
        "Slippage",
        "Funnel",
        "Win rates",
        "Audit findings",
        "What each number means and leaves out",
        "Load and history",
    ]


def test_weekly_report__tables_hold_the_analyses_numbers(opportunities, history, read):
    _, page = read(opportunities, history)
    forecast = {row[0]: row for row in page.tables["Forecast by period"]}
    assert forecast["2026-03"][1:6] == ["70,000", "1", "120,000", "96,000", "166,000"]
    assert forecast["overdue"][1:6] == ["0", "1", "20,000", "10,000", "0"]
    assert forecast["unscheduled"][1:6] == ["0", "1", "10,000", "1,000", "0"]
    changes = {row[0]: row[1:] for row in page.tables["Open pipeline, step by step"]}
    assert changes == {
        "movement": ["deals", "open deals", "value"],
        "opening": ["4", "4", "200,000"],
        "new": ["1", "1", "10,000"],
        "value up": ["1", "0", "20,000"],
        "lost": ["1", "−1", "−50,000"],
        "closing": ["4", "4", "180,000"],
    }


def test_weekly_report__every_aggregate_opens_to_its_deals(opportunities, history, read):
    _, page = read(opportunities, history)
    for title, key in {
        "Forecast by period": "2026-03",
        "Open pipeline by stage": "discovery",
        "Win rate by owner": "Ann",
    }.items():
        assert key in {row[0] for row in page.tables[title]}
        assert f"{title}, {key}" in page.tables
    assert [row[0] for row in page.tables["Forecast by period, 2026-03"][1:]] == ["Alder", "Elder"]
    assert [row[0] for row in page.tables["Open pipeline, step by step, lost"][1:]] == [
        "<script>alert(1)</script>"
    ]
    assert [row[0] for row in page.tables["the headline, booked"][1:]] == ["Elder"]
    assert page.details["discovery"] == "discovery: 2 deals, 40K"


def test_weekly_report__deals_that_slipped_again_are_listed(opportunities, history, read):
    text, page = read(opportunities, history)
    assert "1 deal worth 120K slipped again this week." in text
    assert page.tables["Deals that slipped again"][1] == [
        "Alder", "Ann", "negotiation", "120,000", "2", "17", "2026-03-10", "2026-03-27", "yes",
    ]  # fmt: skip
    due = {row[0]: row[1] for row in page.tables["Deals due 2026-03-01 to 2026-03-16"]}
    assert due == {
        "outcome": "deals",
        "won": "0",
        "lost": "1",
        "slipped": "2",
        "pulled out": "0",
        "still due": "0",
        "removed": "0",
    }


def test_weekly_report__numbers_are_aligned_to_the_right(opportunities, read):
    text, _ = read(opportunities)
    assert '<td class="number">166,000</td>' in text
    assert re.search(r"\.number \{ text-align: right", text)


def test_weekly_report__names_are_text_and_nothing_leaves_the_page(opportunities, history, read):
    text, page = read(opportunities, history, by="name")
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in page.tags}
    links = [attributes.get("href") or attributes.get("xlink:href") or "" for _, attributes in page.tags]
    assert {link[:5] for link in links if link and not link.startswith("#")} == {"data:"}
    assert len(page.ids) == len(set(page.ids))


def test_weekly_report__same_inputs_same_bytes(opportunities, history, tmp_path):
    made = [
        weekly_report(opportunities, history, as_of=AS_OF, target=1e5, out=tmp_path / name / "page.html")
        for name in ("one", "two")
    ]
    assert made[0].html.read_bytes() == made[1].html.read_bytes()
    assert made[0].xlsx.read_bytes() == made[1].xlsx.read_bytes()


def test_weekly_report__does_not_change_its_input(opportunities, history, read):
    before = opportunities.copy()
    read(opportunities, history)
    pd.testing.assert_frame_equal(opportunities, before)


def test_weekly_report__without_history_says_what_will_appear(opportunities, read, tmp_path):
    text, _ = read(opportunities)
    assert (
        text.count(
            "No history yet: no record of the pipeline up to this day. Run `opp-analytics record` daily"
        )
        == 2
    )
    assert "next week&#39;s report shows deals added, won, lost" in text
    first = History(tmp_path / "one record")
    first.record(pipeline(THIS_WEEK), at="2026-03-16T06:00:00Z")
    text, _ = read(opportunities, first)
    assert text.count("only one record, from 2026-03-16 06:00 UTC; a comparison needs two") == 2


def test_weekly_report__reads_no_record_after_its_day(history, read):
    then = history.as_of("2026-03-09T12:00:00Z")
    text, page = read(then, history, as_of="2026-03-09")
    assert "As recorded at 2026-03-09 06:00 UTC: 5 opportunities." in text
    assert "closing" in {row[0] for row in page.tables["Open pipeline, step by step"]}
    assert [row[1] for row in page.tables["What the history covers"]] == ["records", "2"]


def test_weekly_report__an_incomplete_load_is_red(opportunities, read):
    opportunities.attrs["load"] |= {"complete": False, "reasons": ["2 rows came twice"]}
    text, page = read(opportunities)
    assert ("p", {"class": "alarm", "role": "alert"}) in page.tags
    assert text.count("NOT complete: 2 rows came twice.") == 2
    opportunities.attrs = {}
    assert "No load certificate: these may not be all opportunities." in read(opportunities)[0]


@pytest.mark.parametrize("rows", [0, 1])
def test_weekly_report__of_next_to_nothing(read, rows):
    frame = pipeline(THIS_WEEK[:rows])
    text, page = read(org.conform(frame) if rows else frame, target=1000)
    assert f"Total open value is {['0', '120K'][rows]}" in text
    assert [row[0] for row in page.tables["Forecast by period"][1:]] == ["overdue", "unscheduled", "2026-03"]


def test_weekly_report__a_period_without_deals_still_has_its_target(read):
    frame = pipeline([row for row in THIS_WEEK if row[0] == "c"])
    text, _ = read(frame, target=1000)
    assert "2026-03 as of Mar 16, 2026: 0 booked, 0 expected" in text
    assert "the target of 1K is out of reach: no open deal is due." in text


def test_weekly_report__of_long_names_and_many_groups(read):
    rows = [
        (
            f"id{k}",
            "A very long deal name " * 12,
            1000.0 + k,
            "closed_won",
            "won",
            "2026-03-02",
            100,
            f"Owner {k:03d} " * 9,
        )
        for k in range(60)
    ]
    text, page = read(pipeline(rows))
    assert len(page.tables["Win rate by owner"]) == 41
    assert "20 more groups with fewer closed deals in the workbook." in text


def test_weekly_report__goes_into_a_folder_or_a_named_file(opportunities, tmp_path):
    made = weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "new" / "folder")
    assert [file.name for file in made] == ["weekly-2026-03-16.html", "weekly-2026-03-16.xlsx"]
    assert sorted(file.name for file in made.html.parent.iterdir()) == sorted(file.name for file in made)
    assert weekly_report(opportunities, as_of=AS_OF, out=str(tmp_path / "a.htm")).xlsx.name == "a.xlsx"


def test_weekly_report__errors_say_the_way_out(opportunities, tmp_path):
    with pytest.raises(errors.ArgumentValueError, match=r"ends in '\.pdf'; use an \.html file or a folder"):
        weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "a.pdf")
    with pytest.raises(errors.ArgumentError, match="open a history with History"):
        weekly_report(opportunities, "opp-history", as_of=AS_OF, out=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(errors.MissingColumnError, match="region"):
        weekly_report(opportunities, as_of=AS_OF, out=tmp_path, by="region")
    (tmp_path / "file").touch()
    with pytest.raises(errors.DataError, match="cannot create the folder"):
        weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "file" / "a.html")


def test_weekly_report__currency_comes_from_the_setting(opportunities, read, monkeypatch):
    monkeypatch.setenv("BLOCKS_CURRENCY", "CHF")
    text, _ = read(opportunities)
    assert "Money is in CHF." in text
    assert "CHF 70K booked" in text.replace("\xa0", " ")


def test_weekly_report__fiscal_quarters_and_stage_rates(opportunities, history, read):
    text, page = read(
        opportunities,
        history,
        freq="Q-JAN",
        method=Method("stage", stage_rates={"negotiation": 0.5, "proposal": 0.1, "discovery": 0.1}),
    )
    assert "2027Q1 as of Mar 16, 2026" in text
    assert {row[0]: row[4] for row in page.tables["Forecast by period"]}["2027Q1"] == "63,000"


def test_weekly_report__both_ends_of_the_waterfall_open_to_their_deals(opportunities, history, read):
    _, page = read(opportunities, history)
    opening = page.tables["Open pipeline, step by step, opening"]
    assert [(row[0], row[4]) for row in opening[1:3]] == [
        ("Alder", "100,000"),
        ("<script>alert(1)</script>", "50,000"),
    ]
    assert page.details["closing"] == "closing: 4 deals, 180K"
