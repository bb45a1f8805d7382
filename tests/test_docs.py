import re
from pathlib import Path

from opp_analytics import plots
from tests import gallery

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_readme__begins_with_the_two_commands_and_stays_short():
    block = re.search(r"```\w*\n(.*?)```", README, re.S)
    assert block is not None
    assert '.venv/bin/pip install -e ".[all]" && .venv/bin/opp-analytics demo' in block[1]
    assert '.venv/bin/pip install -e ".[all,test]" && .venv/bin/pytest' in block[1]
    assert len(README.splitlines()) <= 150


def test_readme__gives_a_reason_for_every_dependency():
    project = (ROOT / "pyproject.toml").read_text()
    core = re.search(r"^dependencies = \[(.*?)^\]", project, re.S | re.M)
    assert core is not None
    names = re.findall(r'"([\w-]+)', core[1])
    for extra in ("notebook", "excel", "report", "sandbox", "spark"):
        line = re.search(rf"^{extra} = \[(.*)\]", project, re.M)
        assert line is not None
        names += re.findall(r'"([\w-]+)', line[1])
    reasons = README[README.index("## Dependencies") :]
    assert [name for name in names if name not in reasons] == []


def test_layout__holds_nothing_but_what_it_should():
    allowed = {
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "opp_analytics",
        "notebooks",
        "tests",
        "cassettes",
    }
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    leftovers = {"opp-demo", "opp-history", "build", "dist", "artifacts"}
    assert found - leftovers - {p.name for p in ROOT.glob("*.egg-info")} <= allowed


def test_gallery__shows_every_drawing_there_is():
    assert sorted(gallery.TABLES) == sorted(plots.__all__)
    assert gallery.section(list(gallery.TABLES)) in README
    assert [p.stem for p in sorted(gallery.FOLDER.iterdir())] == sorted(gallery.TABLES)
