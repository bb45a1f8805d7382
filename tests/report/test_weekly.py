"""The weekly report as a user makes it: two files, or an error before either is written."""

from __future__ import annotations

import email
import email.policy
import re
import warnings

import openpyxl
import pandas as pd
import pytest

from opp_analytics import History, errors, org, weekly_report
from opp_analytics.report.weekly import check_report, write_report
from tests.analysis import every_analysis
from tests.pipelines import AS_OF, THIS_WEEK, pipeline
from tests.report import reading


@pytest.fixture
def read(tmp_path):
    """Makes a report and reads its page."""

    def make(opportunities, history=None, **asked):
        asked = {"as_of": AS_OF, **asked}
        return reading.read(
            weekly_report(opportunities, history, out=tmp_path / "out.html", **asked).html
        )

    return make


@pytest.mark.slow
def test_weekly_report__goes_into_a_folder_or_a_named_file(opportunities, tmp_path):
    made = weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "new" / "folder")
    assert [file.name for file in made] == ["weekly-2026-03-16.html", "weekly-2026-03-16.xlsx"]
    assert sorted(file.name for file in made.html.parent.iterdir()) == sorted(
        file.name for file in made
    )
    assert (
        weekly_report(opportunities, as_of=AS_OF, out=str(tmp_path / "a.htm")).xlsx.name == "a.xlsx"
    )


@pytest.mark.slow
def test_weekly_report__same_inputs_same_bytes(opportunities, history, tmp_path):
    made = [
        weekly_report(
            opportunities, history, as_of=AS_OF, target=1e5, out=tmp_path / name / "page.html"
        )
        for name in ("one", "two")
    ]
    assert made[0].html.read_bytes() == made[1].html.read_bytes()
    assert made[0].xlsx.read_bytes() == made[1].xlsx.read_bytes()


@pytest.mark.slow
def test_weekly_report__of_a_day_that_nobody_has_seen_warns(opportunities, history, read):
    with pytest.warns(
        errors.DataWarning, match="last seen on Mar 16, 2026: these numbers miss later changes"
    ):
        page = read(opportunities, history, as_of="2026-03-20")
    assert page.warnings == [
        (
            "As of Mar 20, 2026, but the pipeline was last seen on Mar 16, 2026: these numbers "
            "miss later changes."
        )
    ]
    # A record of that day, or the server's own stamp, is a look at it.
    opportunities["updated_at"] = pd.Timestamp("2026-03-20T01:00Z")
    assert read(opportunities, history, as_of="2026-03-20").warnings == []


@pytest.mark.parametrize("rows", [0, 1])
def test_weekly_report__of_next_to_nothing_is_a_page(read, rows):
    frame = pipeline(THIS_WEEK[:rows])
    page = read(org.conform(frame) if rows else frame, target=1000)
    assert (
        page.sentence
        == [
            "March: nothing closed, nothing due, target 1K.",
            "March: nothing closed, forecast 96K vs. 1K.",
        ][rows]
    )


def test_weekly_report__errors_say_the_way_out_before_anything_is_written(opportunities, tmp_path):
    with pytest.raises(
        errors.ArgumentValueError, match=r"ends in '\.pdf'; use an \.html file or a folder"
    ):
        weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "a.pdf")
    with pytest.raises(errors.ArgumentError, match="open a history with History"):
        weekly_report(opportunities, "opp-history", as_of=AS_OF, out=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(errors.MissingColumnError, match="region"):
        weekly_report(opportunities, as_of=AS_OF, out=tmp_path, by="region")
    with pytest.raises(errors.ArgumentValueError, match="below 0"):
        weekly_report(opportunities, as_of=AS_OF, out=tmp_path, target=-5)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(errors.DataError, match="cannot create the folder"):
        weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "file" / "a.html")


@pytest.mark.slow
def test_weekly_report__a_broken_disk_leaves_the_old_files(opportunities, tmp_path, monkeypatch):
    made = weekly_report(opportunities, as_of=AS_OF, out=tmp_path)
    before = [file.read_bytes() for file in made]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(errors.DataError, match="No space left"):
        weekly_report(opportunities, as_of=AS_OF, target=1.0, out=tmp_path)
    assert [file.read_bytes() for file in made] == before
    assert sorted(tmp_path.iterdir()) == sorted(made)


def test_weekly_report__a_locked_workbook_leaves_the_old_page(opportunities, tmp_path):
    made = weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "page.html")
    before = made.html.read_bytes()
    made.xlsx.unlink()
    made.xlsx.mkdir()
    with pytest.raises(errors.DataError, match=r"page\.xlsx is a folder"):
        weekly_report(opportunities, as_of=AS_OF, target=1.0, out=tmp_path / "page.html")
    assert made.html.read_bytes() == before


def test_weekly_report__tells_how_far_it_is(opportunities, tmp_path):
    told = []
    weekly_report(
        opportunities,
        as_of=AS_OF,
        out=tmp_path,
        progress=lambda done, of_all: told.append((done, of_all)),
    )
    steps = told[-1][1]
    assert told == [(done, steps) for done in range(1, steps + 1)]


@pytest.mark.slow
def test_weekly_report__also_as_mail_and_text(opportunities, history, tmp_path):
    made = weekly_report(
        opportunities,
        history,
        as_of=AS_OF,
        target=1e5,
        out=tmp_path,
        eml=True,
        markdown=True,
    )
    stem = "weekly-2026-03-16"
    assert [file.name for file in made] == [
        f"{stem}.{kind}" for kind in ("html", "xlsx", "eml", "md")
    ]
    page = reading.read(made.html)
    assert page.sentence in made.markdown.read_text().replace("\\", "")
    assert b"The page and its workbook are attached." in made.eml.read_bytes()


@pytest.mark.slow
def test_weekly_report__lists_the_largest_open_deals_and_all_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("opp_analytics.answers.tables._MOST_LISTED", 2)
    deals = pipeline(THIS_WEEK)
    deals.loc[deals["unique_id"] == "b", "name"] = "=cmd|x"
    made = weekly_report(deals, as_of=AS_OF, out=tmp_path / "page.html")
    assert [file.name for file in made] == ["page.html", "page.xlsx", "page-deals.csv"]
    assert "Full data: page.xlsx and page-deals.csv, beside this file." in made.html.read_text()
    everything = pd.read_csv(tmp_path / "page-deals.csv")
    assert set(everything["unique_id"]) == set(deals["unique_id"])
    assert "'=cmd|x" in set(everything["name"])
    book = openpyxl.load_workbook(made.xlsx)
    assert any("page-deals.csv" in str(row[0]) for row in book["Summary"].values)
    rows = list(book["Deals"].values)
    value = rows[0].index("Value")
    open_value = everything.loc[everything["outcome"] == "open", "value"]
    [smaller] = [row for row in rows if "2 smaller open deals" in row]
    assert smaller[value] == open_value.nsmallest(len(open_value) - 2).sum()
    [parts] = weekly_report(deals, as_of=AS_OF, out=tmp_path, for_each="owner_name").parts[:1]
    assert parts.deals is None or "person" in parts.deals.name


@pytest.mark.slow
def test_weekly_report__of_each_person_asks_the_history_once_for_all(
    opportunities, history, tmp_path, monkeypatch
):
    asked = []
    collect = History.collect

    def count(self, expression):
        asked.append(self.is_part)
        return collect(self, expression)

    monkeypatch.setattr(History, "collect", count)
    made = weekly_report(opportunities, history, as_of=AS_OF, out=tmp_path, for_each="owner_name")
    assert made.parts
    assert asked
    assert not any(asked)


@pytest.mark.slow
def test_write_report__without_files_makes_the_first_words_alone(opportunities, history, tmp_path):
    asked = {
        "as_of": AS_OF,
        "org": org.Org(report={"alert_when": "booked < 1e6"}),
        "out": tmp_path / "week.html",
    }
    whole = weekly_report(opportunities, history, **asked)
    first = write_report(check_report(opportunities, history, **asked), files=False)
    assert (first.alerts, first.sentences) == (whole.alerts, whole.sentences)
    assert first.digest.tiles == whole.digest.tiles
    assert first.digest.sections == ()


@pytest.mark.slow
def test_weekly_report__needs_only_stage_value_and_close_date_and_says_what_it_did_not_check(
    opportunities, history, read
):
    needed = opportunities[["unique_id", "stage", "value", "close_date"]]
    said = reading.words(read(needed, history).root)
    assert (
        "The data has no name, account id, probability, status, created at and updated at: the "
        "audit leaves out what needs it."
    ) in said


@pytest.mark.slow
def test_weekly_report__of_deals_without_a_name_names_them_by_id(opportunities, read):
    page = read(opportunities.drop(columns="name"), target=150_000)
    assert page.title("act_today") == "First, win a (+120K)"


BROKEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)
"""What no text for people holds, line breaks of the file itself aside."""


@pytest.mark.slow
@pytest.mark.posix  # a name of a file with a line break
def test_weekly_report__cleans_titles_and_names_in_page_mail_text_and_workbook(tmp_path):
    nasty = "Acme\r\nBcc: all@example.com\x1b[2J\x00\u202e\ufffe\x85\u2028\tRenewal"
    rows = [
        (row[0], f"{nasty} {row[1]}", *row[2:-1], f"{row[-1]}\n\x07Lee" if row[-1] else None)
        for row in THIS_WEEK
    ]
    asked = org.Org(
        report={"title": "Monday\r\nBcc: all@example.com\x1b", "by": ["team", "owner_name"]},
        people=[
            {"owner_name": f"{who}\n\x07Lee", "team": "East\n\x08side"}
            for who in ("Ann", "Bo & Co")
        ],
        currency="USD",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.DataWarning)
        made = weekly_report(
            pipeline(rows),
            as_of=AS_OF,
            org=asked,
            target=150_000,
            out=tmp_path / "we\nek.html",
            eml=True,
            markdown=True,
        )
    page = made.html.read_bytes().decode()
    assert BROKEN.findall(page) == []
    assert "Acme Bcc: all@example.com[2J Renewal" in page
    read = reading.read(made.html)
    assert read.root.find(".//title").text == "Monday Bcc: all@example.com, Mar 16, 2026"

    mail = email.message_from_bytes(made.eml.read_bytes(), policy=email.policy.default)
    assert mail["Subject"] == read.sentence
    assert mail["Bcc"] is None
    for part in mail.walk():
        if not part.is_multipart():
            if part.get_content_maintype() == "text":
                assert BROKEN.findall(part.get_content().replace("\r\n", "\n")) == []
            assert BROKEN.findall(part.get_filename() or "") == []
    text = made.markdown.read_bytes().decode()
    assert BROKEN.findall(text) == []
    assert not any(line.startswith(("Bcc", "Lee", "side")) for line in text.splitlines())

    book = openpyxl.load_workbook(made.xlsx)
    assert book.properties.title == "Monday Bcc: all@example.com · Mar 16, 2026"
    texts = [
        str(cell)
        for sheet in book
        for row in sheet.iter_rows(values_only=True)
        for cell in row
        if isinstance(cell, str)
    ]
    assert [cell for cell in texts if BROKEN.search(cell) or "\n" in cell] == []
    assert any("Acme Bcc: all@example.com[2J Renewal" in cell for cell in texts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second", "name"),
    [("Ann", None, "week.htm"), ("Bo & Co", "Ann", "week.html")],
)
def test_weekly_report__never_replaces_the_page_of_another_audience(
    opportunities, tmp_path, first, second, name
):
    one, other = (f"person {who}" if who else "everybody" for who in (first, second))
    made = weekly_report(opportunities, as_of=AS_OF, out=tmp_path / "week.html", only=first)
    kept = {file: file.read_bytes() for file in made}
    asked = {"as_of": AS_OF, "out": tmp_path / name}
    says = f"week.html is the page of {one}; name another file for that of {other}, or remove it"
    with pytest.raises(errors.DataError, match=says):
        weekly_report(opportunities, only=second, **asked)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == kept
    weekly_report(opportunities, only=first, **asked)
    for page in tmp_path.glob("week.htm*"):
        page.unlink()
    assert weekly_report(opportunities, only=second, **asked).html == tmp_path / name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:rates.csv")
def test_weekly_report__says_once_that_amounts_are_converted(tmp_path):
    (tmp_path / "rates.csv").write_text(
        "date,currency,rate\n2026-01-01,EUR,1.1\n2026-03-27,EUR,1.2\n"
    )
    (tmp_path / "opp-analytics.toml").write_text(
        'currency = "USD"\n[currency_rates]\nfile = "rates.csv"\n'
    )
    known = org.Org.read(tmp_path / "opp-analytics.toml")
    history = History.from_changes(every_analysis.log().assign(currency="EUR"), org=known)
    now = history.as_of("2026-03-30T12:00Z")
    file = weekly_report(now, history, as_of="2026-03-30", out=tmp_path / "out.html").html
    text = re.sub(r"<[^>]+>", " ", file.read_text())
    assert text.count("Converted to USD at the rates of rates.csv (newest Mar 27)") == 1
    assert "$840" in text  # 700 EUR, due in March
    assert "700" not in text.replace("#700", "")
