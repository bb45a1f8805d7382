"""A folder of pages: its names, its newest page, and what is removed from it."""

import json
import re
import unicodedata
import zipfile
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics import errors, org
from opp_analytics.answers.context import Part
from opp_analytics.report.delivery.folder import name_parts
from tests.pipelines import AS_OF, THIS_WEEK, pipeline
from tests.report.states import CALLS, QUOTAS, call

BOTH = ("team", "owner_name")


@pytest.fixture(scope="module")
def teams():
    """Ann in East, and Bo & Co in West, whose one deal is lost; Cy has a target, and nobody else
    has the deal d."""
    rows = [
        {"owner_name": "Ann", "team": "East"},
        {"owner_name": "Bo & Co", "team": "West"},
        {"owner_name": "Cy", "team": "West"},
    ]
    return org.Org(
        currency="USD",
        people=rows,
        targets=[{"period": "2026-03", "owner_name": "Cy", "target": 5_000.0}],
    )


def write(out, teams, *, day=AS_OF, rows=THIS_WEEK, **asked):
    return oa.weekly_report(
        pipeline(rows), as_of=day, out=out, org=teams, method="stated", progress=False, **asked
    )


@pytest.fixture(scope="module")
def everybody(teams, tmp_path_factory):
    """A page of the whole, each team and each person, in every kind of file; and the progress that
    was told."""
    told = []
    made = oa.weekly_report(
        pipeline(THIS_WEEK),
        as_of=AS_OF,
        out=tmp_path_factory.mktemp("pages"),
        org=teams,
        method="stated",
        for_each=BOTH,
        eml=True,
        markdown=True,
        progress=lambda done, of: told.append((done, of)),
    )
    return made, told


def names_of(*names, column="owner_name"):
    parts = [Part(column, name) for name in names]
    found = name_parts(parts)
    return [found[part] for part in parts]


def test_names__are_of_any_script_and_no_two_are_alike():
    odd = [
        "Ada Lee",
        "ADA  LEE",
        "ada-lee",
        "山田 太郎",
        "شركة",
        "..",
        "con",
        "<b>",
        "🙂",
        "x" * 500,
        "Straße",
        "STRASSE",
        "a/b",
        "a\\b",
    ]
    found = names_of(*odd)
    folded = {unicodedata.normalize("NFKC", name).casefold() for name in found}
    assert len(folded) == len(odd)
    assert all(re.fullmatch(r"person(-\w+)*", name) and len(name.encode()) <= 125 for name in found)
    assert names_of("Ada Lee", "Bo", "Bo", column="team") == ["team-ada-lee", "team-bo", "team-bo"]


def test_names__keep_their_numbers_while_the_people_stay_in_any_order():
    assert names_of("a b", "A-B", "A B") == names_of("A B", "A-B", "a b")[::-1]
    assert names_of("2", "!!", "??") == ["person-2", "person", "person-3"]


@pytest.mark.slow
def test_for_each__writes_a_page_for_each_team_and_person_who_has_something_now(everybody):
    made, told = everybody
    assert told == [(done, 5) for done in range(1, 6)]
    assert [part.audience for part in made.parts] == [
        "team East",
        "team West",
        "person Ann",
        "person Cy",
    ]
    assert [file.name for file in made.parts[2]] == [
        f"weekly-2026-03-16-person-ann.{kind}" for kind in ("html", "xlsx", "eml", "md")
    ]
    assert made.audience == "everybody"
    assert all(file.exists() for part in made.parts for file in part)


@pytest.mark.slow
def test_for_each__pages_link_down_and_a_persons_to_nobody(everybody):
    made, _ = everybody
    assert links(made.html) == {
        f"weekly-2026-03-16-{name}.html"
        for name in ("team-east", "team-west", "person-ann", "person-cy")
    }
    east, west, ann, cy = made.parts
    # A team of one has no table of people.
    assert links(east.html) == set()
    assert links(west.html) <= {cy.html.name}
    assert links(ann.html) == links(cy.html) == set()
    assert all(made.html.with_name(name).exists() for name in links(made.html))


@pytest.mark.slow
def test_for_each__mails_the_page_without_links(everybody):
    made, _ = everybody
    assert links(made.html)
    assert 'class="own"' not in read_all(made.eml)


def links(page: Path) -> set[str]:
    return set(re.findall(r'href="(weekly-[^"]*)"', page.read_text()))


@pytest.fixture(scope="module")
def called():
    """A team whose people are called, with targets that no other figure is like."""
    return call(*CALLS, ("10", "Dana Whitfield", "team", "East", 210_003.0), times=1.00137)


@pytest.fixture(scope="module")
def pages_of_all(called, tmp_path_factory):
    return write_called(called, tmp_path_factory.mktemp("all"), for_each=BOTH)


def write_called(known, out, **asked):
    return oa.weekly_report(
        known.opportunities,
        known.history.read_by(known.org),
        out=out,
        org=known.org,
        eml=True,
        markdown=True,
        progress=False,
        **known.asked,
        **asked,
    )


@pytest.mark.slow
def test_for_each__page_is_that_of_only_but_for_its_links(called, pages_of_all, tmp_path):
    for part in (pages_of_all.parts[0], pages_of_all.parts[-1]):
        alone = write_called(called, tmp_path, only=part.audience.partition(" ")[2])
        assert alone.html.name == part.html.name
        assert alone.html.read_text() == re.sub(r'<a class="own".*?</a>', "", part.html.read_text())
        assert alone.xlsx.read_bytes() == part.xlsx.read_bytes()


@pytest.mark.slow
def test_for_each__of_a_person_holds_nothing_of_anybody_else(called, pages_of_all):
    known = called
    ever = known.history.changes()
    people = [part for part in pages_of_all.parts if part.audience.startswith("person ")]
    assert len(people) > 5
    for part in people:
        name = part.audience.removeprefix("person ")
        others = set(QUOTAS) - {name}
        # What was theirs once, and is deleted or somebody else's now, was theirs.
        own = known.history.where(owner_name=name).changes()
        theirs = set(ever["unique_id"]) - set(own["unique_id"])
        theirs |= {
            deal
            for deal in ever["name"].dropna()
            if not any(deal in mine for mine in set(own["name"]))
        }
        amounts = {1.00137 * target for _, target in QUOTAS.values()} - {1.00137 * QUOTAS[name][1]}
        targets = {shown for amount in amounts for shown in (f"{amount:,.0f}", f"{amount:.1f}")}
        for file in part:
            words = read_all(file)
            assert name in words, file
            assert {one for one in others | theirs if one in words} == set(), file
            assert {one for one in targets if one in words} == set(), file


def read_all(file: Path) -> str:
    """All text of a file, also inside a workbook or a mail."""
    if file.suffix == ".xlsx":
        with zipfile.ZipFile(file) as book:
            return "\n".join(book.read(name).decode(errors="replace") for name in book.namelist())
    if file.suffix == ".eml":
        import email.policy

        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        parts = [
            part.get_payload(decode=True) or b"" for part in mail.walk() if not part.is_multipart()
        ]
        return "\n".join(part.decode(errors="replace") for part in parts)
    return file.read_text()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (
            {"for_each": "stage"},
            "for_each='stage' is not a column of people; use 'team', 'owner_name' or both",
        ),
        (
            {"for_each": BOTH, "only": "Ann"},
            "only='Ann' asks for one page, but one for each 'team' is asked for too",
        ),
        (
            {"for_each": "team"},
            "for_each='team' finds nobody: no deal that is open or was won in March",
        ),
        ({"keep": 0}, "keep=0"),
        ({"keep": 2, "out": "week.html"}, "out='week.html' is a file, and keep needs a folder"),
    ],
)
def test_for_each__refuses_what_cannot_be(asked, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(errors.ArgumentValueError, match=re.escape(says)):
        oa.weekly_report(pipeline(THIS_WEEK), as_of=AS_OF, **{"out": "pages", **asked})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:As of Mar")
def test_folder__has_a_copy_of_the_newest_page_of_everybody(teams, tmp_path):
    for day in ("2026-03-16", "2026-03-09"):
        write(tmp_path, teams, day=day, keep=5)
    # A page of a past day is not the latest.
    newest = (tmp_path / "weekly-2026-03-16.html").read_bytes()
    assert (tmp_path / "latest.html").read_bytes() == newest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:As of Mar")
def test_folder__keeps_the_newest_days_and_removes_only_what_a_run_wrote(teams, tmp_path):
    foreign = tmp_path / "weekly-2026-03-02-notes.html"
    foreign.write_text("mine")
    for day in ("2026-03-02", "2026-03-09", "2026-03-16"):
        each = "team" if day == "2026-03-02" else None
        write(tmp_path, teams, day=day, for_each=each, keep=2)
    assert sorted({file.name[7:17] for file in tmp_path.glob("weekly-*.xlsx")}) == [
        "2026-03-09",
        "2026-03-16",
    ]
    assert foreign.exists()
    # A run of an old day keeps what it wrote.
    write(tmp_path, teams, day="2026-03-01", keep=2)
    assert (tmp_path / "weekly-2026-03-01.html").exists()


@pytest.mark.slow
def test_folder__follows_no_name_of_a_ledger_out_of_the_folder(teams, tmp_path):
    pages = tmp_path / "pages"
    pages.mkdir()
    (tmp_path / "weekly-2026-01-01.html").write_text("not theirs")
    names = [
        "../weekly-2026-01-01.html",
        "weekly-2026-01-01/../../x",
        "opp-analytics.toml",
        str(tmp_path / "weekly-2026-01-01.html"),
    ]
    (pages / "opp-analytics.toml").write_text("")
    (pages / "deliveries.jsonl").write_text(
        json.dumps({"at": "2026-01-01T00:00:00+00:00", "day": "2026-01-01", "files": names}) + "\n"
    )
    write(pages, teams, keep=1)
    assert (tmp_path / "weekly-2026-01-01.html").exists()
    assert (pages / "opp-analytics.toml").exists()


def test_folder__replaces_no_file_of_somebody_else(teams, tmp_path):
    name = "latest.html"
    (tmp_path / name).write_text("<title>Our intranet</title>")
    with pytest.raises(
        errors.DataError, match=rf"{name} is not ours; name another folder, or remove it"
    ):
        write(tmp_path, teams, for_each="team")
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.slow
def test_for_each__is_escaped_in_every_place(tmp_path):
    name = '"><script>alert(1)</script>'
    rows = [
        (str(n), "Deal", 9.0, "proposal", "active", "2026-03-27", 50, who)
        for n, who in enumerate((name, "Bo"))
    ]
    write(tmp_path, None, rows=rows, for_each="owner_name")
    for file in tmp_path.glob("*.html"):
        assert "<script>alert" not in file.read_text()
