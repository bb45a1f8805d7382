"""The package under Windows' rules for files, and the double that holds them."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import files
from opp_analytics.api import VARIABLES, state_folder
from opp_analytics.cli import main
from opp_analytics.cli.demo import _keep_journal_apart
from opp_analytics.report import html
from opp_analytics.report.delivery.ledger import Ledger, Run, now
from opp_analytics.widgets.grid.grid import read_layout, write_layout
from opp_analytics.writer.journal import Journal, lock_plan
from tests.support import row
from tests.windows import Windows, windows

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="the double reads which files are open from /proc"
)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Windows]:
    (tmp_path / "local").mkdir()
    with windows(tmp_path / "local") as held:
        yield held


# The double


def remove_an_open_file(folder: Path) -> None:
    with (folder / "a").open("rb"):
        (folder / "a").unlink()


def rename_an_open_file(folder: Path) -> None:
    with (folder / "a").open("rb"):
        (folder / "a").rename(folder / "new")


def replace_by_an_open_file(folder: Path) -> None:
    with (folder / "a").open("rb"):
        (folder / "a").replace(folder / "b")


def replace_an_open_file(folder: Path) -> None:
    with (folder / "b").open("rb"):
        (folder / "a").replace(folder / "b")


def remove_what_a_child_has_open(folder: Path) -> None:
    script = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, folder / "a"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        child.stdout.readline()
        (folder / "a").unlink()


def remove_the_working_folder(folder: Path) -> None:
    before = Path.cwd()
    (folder / "empty").mkdir()
    os.chdir(folder / "empty")
    try:
        (folder / "empty").rmdir()
    finally:
        os.chdir(before)


def sync_a_handle_to_read(folder: Path) -> None:
    with (folder / "a").open("rb") as file:
        os.fsync(file.fileno())


def open_a_folder(folder: Path) -> None:
    os.close(os.open(folder, os.O_RDONLY))


def rename_onto_a_file(folder: Path) -> None:
    (folder / "a").rename(folder / "b")


def remove_a_read_only_file(folder: Path) -> None:
    (folder / "a").chmod(0o444)
    (folder / "a").unlink()


@pytest.mark.parametrize(
    ("do", "error"),
    [
        (remove_an_open_file, PermissionError),
        (rename_an_open_file, PermissionError),
        (replace_by_an_open_file, PermissionError),
        (replace_an_open_file, PermissionError),
        (remove_what_a_child_has_open, PermissionError),
        (remove_the_working_folder, PermissionError),
        (sync_a_handle_to_read, OSError),
        (open_a_folder, PermissionError),
        (rename_onto_a_file, FileExistsError),
        (remove_a_read_only_file, PermissionError),
        *(
            (lambda folder, name=name: (folder / name).write_bytes(b"new"), OSError)
            for name in (
                "CON",
                "nul.txt",
                "Com1",
                "a:b",
                "Acme?",
                'say "yes"',
                "ends.",
                "ends ",
                "a|b",
                "a\nb",
            )
        ),
        (lambda folder: (folder / "AUX").mkdir(), OSError),
    ],
)
def test_windows__refuses_what_this_system_does(
    tmp_path: Path, do: Callable[[Path], object], error: type[OSError]
) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        for file in "ab":
            (tmp_path / name / file).write_bytes(b"content")
    do(tmp_path / "here")
    with windows(tmp_path), pytest.raises(error):
        do(tmp_path / "there")


def test_windows__takes_names_that_differ_by_case_for_one(tmp_path: Path, system: Windows) -> None:
    (tmp_path / "Report.html").write_bytes(b"old")
    assert (tmp_path / "report.HTML").exists()
    (tmp_path / "REPORT.html").write_bytes(b"new")
    assert (tmp_path / "Report.html").read_bytes() == b"new"
    (tmp_path / "Folder").mkdir()
    (tmp_path / "FOLDER" / "a").write_bytes(b"inside")
    assert (tmp_path / "folder" / "A").read_bytes() == b"inside"
    shutil.rmtree(tmp_path / "fOLDER")
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / "OTHER").replace(tmp_path / "REPORT.HTML")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["Report.html", "local"]


def test_windows__writes_text_in_its_own_code_and_lines(tmp_path: Path, system: Windows) -> None:
    (tmp_path / "text").write_text("5 €\n")
    assert (tmp_path / "text").read_bytes() == b"5 \x80\r\n"
    with (tmp_path / "text").open("r+") as file:
        assert file.read() == "5 €\n"
    with pytest.raises(UnicodeEncodeError):
        (tmp_path / "text").write_text("a → b")
    (tmp_path / "text").write_text("a → b", encoding="utf-8", newline="\n")
    assert (tmp_path / "text").read_text(encoding="utf-8") == "a → b"


def test_windows__has_no_modes_but_read_only(tmp_path: Path, system: Windows) -> None:
    file = tmp_path / "file"
    file.touch(0o600)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    file.chmod(0o400)
    assert stat.S_IMODE(file.stat().st_mode) == 0o444


def test_windows__shows_a_junction_as_a_folder(tmp_path: Path, system: Windows) -> None:
    (tmp_path / "there").mkdir()
    system.make_junction(tmp_path / "junction", tmp_path / "there")
    assert not (tmp_path / "junction").is_symlink()
    with os.scandir(tmp_path) as found:
        kinds = {
            entry.name: (entry.is_dir(follow_symlinks=False), entry.is_symlink()) for entry in found
        }
    assert kinds["junction"] == kinds["there"] == (True, False)


def test_windows__hides_what_only_posix_has_from_the_package_alone(tmp_path: Path) -> None:
    asked = (
        "import os, signal\nfound = os.name, os.linesep, hasattr(os, 'geteuid'), hasattr(signal, "
        "'SIGKILL')"
    )
    ours: dict[str, object] = {"__name__": "opp_analytics.new"}
    with windows(tmp_path):
        exec(asked, ours)
        assert ours["found"] == ("nt", "\r\n", False, False)
        assert vars(files)["os"].name == "nt"
        with pytest.raises(ImportError):
            exec("import fcntl", ours)
        assert os.name == "posix"
        assert signal.SIGKILL
    assert vars(files)["os"] is os


# The package


@pytest.fixture
def ours(system: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, whose own folders nobody set."""
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def test_history__is_recorded_and_read(ours: Path) -> None:
    history = oa.History(ours / "history")
    first = pd.DataFrame([row(number) for number in range(3)])
    history.record(first, at="2026-03-02")
    history.record(first.assign(value=5.0), at="2026-03-09")
    history.record(first.iloc[1:].assign(value=6.0), at="2026-03-16")
    assert history.as_of("2026-03-10")["value"].tolist() == [5.0] * 3
    assert history.check().empty
    assert [file.name for file in (ours / "history" / "staging").iterdir()] == []
    assert len(list((ours / "history" / "state").iterdir())) == 1


def test_exports__are_written_replaced_and_read_back(ours: Path) -> None:
    frame = pd.DataFrame([row(number, name="Ünal → 5 €\nnext") for number in range(3)])
    for _ in range(2):
        oa.to_csv(frame, "deals.csv")
        oa.to_excel(frame, "deals.xlsx")
    for before, after in ((frame, oa.read_csv("deals.csv")), oa.read_excel("deals.xlsx")):
        assert len(oa.plan(before, after)) == 0
    with (
        Path("deals.xlsx").open("rb"),
        pytest.raises(oa.errors.DataError, match="close it if it is open in Excel"),
    ):
        oa.to_excel(frame, "deals.xlsx")
    assert sorted(file.name for file in ours.iterdir()) == ["deals.csv", "deals.xlsx"]


def test_plans__are_applied_resumed_and_undone(
    ours: Path,
    tenant: Callable[..., oa.Client],
    shared_sandbox: oa.sandbox.Sandbox,
    system: Windows,
) -> None:
    client = tenant(4, retries=0)
    before = oa.load(client, progress=False)
    oa.plan(before, before.assign(value=7.0)).save("plan.json")
    shared_sandbox.faults.set(error_rate=1.0)
    assert oa.apply(oa.Plan.read("plan.json"), client, progress=False).counts()["failed"] == 4
    shared_sandbox.faults.reset()
    assert oa.resume(client, progress=False).counts()["applied"] == 4
    assert oa.apply(oa.undo(client), client, progress=False).counts()["applied"] == 4
    assert oa.load(client, progress=False)["value"].tolist() == before["value"].tolist()
    assert len(oa.runs()) == 2
    state = system.local / "opp-analytics" / "opp-analytics"
    assert len(list((state / "journals").glob("*.sqlite3"))) == 1


def test_lock_plan__is_one_at_a_time_and_is_released(ours: Path) -> None:
    (state_folder() / "journals").mkdir(parents=True)
    for _ in range(2):
        with lock_plan("tenant", "plan"):
            with pytest.raises(
                oa.errors.PlanError, match="another process or thread is applying this plan"
            ):
                with lock_plan("tenant", "plan"):
                    pass


# Links


@pytest.mark.parametrize("at", ["state", "records/2026"])
def test_history__refuses_a_junction(ours: Path, system: Windows, at: str) -> None:
    frame = pd.DataFrame([row(1)])
    history = oa.History(ours / "history")
    history.record(frame, at="2026-03-02")
    (ours / "elsewhere").mkdir()
    if (ours / "history" / at).exists():
        (ours / "history" / at).rename(ours / "moved")
    system.make_junction(ours / "history" / at, ours / "elsewhere")
    with pytest.raises(oa.errors.HistoryError, match=f"{at} is a link to .*elsewhere"):
        history.record(frame.assign(value=2.0), at="2026-03-03")
    assert list((ours / "elsewhere").iterdir()) == []


def test_write_whole__removes_leftovers_of_a_day_ago(ours: Path) -> None:
    new, old = (ours / f".week.html.{k:016x}" for k in (1, 2))
    for file in (new, old):
        file.write_bytes(b"half")
    yesterday = old.stat().st_mtime - 90_000
    os.utime(old, (yesterday, yesterday))
    files.write_whole(ours / "week.html", b"whole")
    assert sorted(file.name for file in ours.iterdir() if file.is_file()) == [new.name, "week.html"]


def test_exports__refuse_a_junction_by_name(ours: Path, system: Windows) -> None:
    (ours / "elsewhere").mkdir()
    system.make_junction(ours / "deals.csv", ours / "elsewhere")
    with pytest.raises(oa.errors.DataError, match="deals.csv is a link to .*elsewhere"):
        oa.to_csv(pd.DataFrame([row(1)]), "deals.csv")


def test_cache__behind_a_junction_is_not_used(
    ours: Path, tenant: Callable[..., oa.Client], system: Windows
) -> None:
    (ours / "elsewhere").mkdir()
    client = tenant(2)
    client.cache_folder.parent.mkdir(exist_ok=True)
    system.make_junction(client.cache_folder, ours / "elsewhere")
    with pytest.warns(oa.errors.DataWarning, match="is a link"):
        again = oa.Client(
            client.settings.url,
            client.settings.token,
            client.settings.api_key,
            cache_dir=client.cache_folder.parent,
        )
    oa.load(again, progress=False)
    assert list((ours / "elsewhere").iterdir()) == []


# The cache


def test_cache__is_emptied_by_a_write_while_another_client_has_it_open(
    tenant: Callable[..., oa.Client], ours: Path
) -> None:
    client = tenant(3)
    other = oa.Client(
        client.settings.url,
        client.settings.token,
        client.settings.api_key,
        cache_dir=client.cache_folder.parent,
    )
    oa.load(other, progress=False)
    assert {file.name for file in other.cache_folder.iterdir()} >= {"pages.sqlite"}
    client.update("opp-1", value=5.0)
    with closing(sqlite3.connect(client.cache_folder / "pages.sqlite")) as pages:
        assert pages.execute("SELECT count(*) FROM pages").fetchone() == (0,)
    for loader in (client, other):
        assert oa.load(loader, progress=False).set_index("unique_id")["value"]["opp-1"] == 5.0


def test_cache__that_is_damaged_is_set_aside(tenant: Callable[..., oa.Client], ours: Path) -> None:
    client = tenant(3)
    client.cache_folder.mkdir(parents=True)
    (client.cache_folder / "pages.sqlite").write_bytes(b"not a database" * 200)
    with pytest.warns(oa.errors.DataWarning, match="renamed to pages.sqlite.damaged"):
        oa.load(client, progress=False)
    assert oa.load(client, refresh="full", progress=False).shape[0] == 3


# Names, commands, the places of the system


@pytest.mark.parametrize("name", ["Opportunity", "CON", "Acme: 5 > 3?"])
def test_exports__name_no_file_after_what_data_holds(ours: Path, name: str) -> None:
    frame = pd.DataFrame(
        [row(number, name=name, owner_name=name, stage=name) for number in range(2)]
    )
    history = oa.History(ours / "history")
    history.record(frame, at="2026-03-02")
    oa.weekly_report(
        frame.assign(stage="proposal"),
        history,
        as_of="2026-03-02",
        out="reports",
        only=name,
        eml=True,
        markdown=True,
    )
    assert sorted(file.suffix for file in (ours / "reports").iterdir()) == [
        ".eml",
        ".html",
        ".md",
        ".xlsx",
    ]


def test_token_command__is_split_as_windows_does(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = ours / "my tools" / "print token"
    script.parent.mkdir()
    script.write_text("import sys\nprint(sys.argv[1].replace(' ', '-'))")
    monkeypatch.setenv("BLOCKS_API_URL", "https://crm.example.com")
    monkeypatch.setenv("BLOCKS_API_KEY", "key")
    monkeypatch.setenv("BLOCKS_TOKEN_COMMAND", f'"{sys.executable}" "{script}" "two words"')
    token = oa.Client.from_env().settings.token.reveal()
    assert callable(token)
    assert token() == "two-words"


def test_write_command__is_quoted_for_powershell(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opp_analytics.cli import console

    monkeypatch.setenv("PATH", str(ours))
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/opt/my env/Scripts")
    assert (
        console.write_command("apply", "my plan.json")
        == "& '/opt/my env/Scripts/opp-analytics' apply 'my plan.json'"
    )
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/opt/env/Scripts")
    assert (
        console.write_command("apply", "my plan.json")
        == "/opt/env/Scripts/opp-analytics apply 'my plan.json'"
    )


def test_settings__are_set_by_lines_of_powershell(
    ours: Path, shared_sandbox: oa.sandbox.Sandbox
) -> None:
    assert shared_sandbox.exports.splitlines()[0] == f"$env:BLOCKS_API_URL = '{shared_sandbox.url}'"
    for name in VARIABLES:
        os.environ.pop(name, None)
    with pytest.raises(oa.errors.ConfigError, match=r"\$env:BLOCKS_API_URL = "):
        oa.Client.from_env()


def test_demo__keeps_its_run_out_of_the_journals_of_the_user(ours: Path, system: Windows) -> None:
    with _keep_journal_apart(), Journal("tenant"):
        pass
    assert not (system.local / "opp-analytics").exists()


def test_print_pdf__outlives_a_profile_that_the_browser_holds(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helpers = []

    def print_page(command: list[str], **options: object) -> None:
        told = dict(option.split("=", 1) for option in command if "=" in option)
        Path(told["--print-to-pdf"]).write_bytes(b"%PDF-")
        profile = Path(told["--user-data-dir"])
        profile.mkdir()
        hold = "open('lock', 'w'); print(flush=True); input()"
        helper = subprocess.Popen(
            [sys.executable, "-c", f"file = {hold}"],
            cwd=profile,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert helper.stdout
        helper.stdout.readline()
        helpers.append(helper)

    monkeypatch.setattr(subprocess, "run", print_page)
    assert html.print_pdf(b"<p>", browser="chrome") == b"%PDF-"
    assert [helper.communicate(b"\n")[0] for helper in helpers] == [b""]


@pytest.mark.parametrize(
    "place", ["Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe"]
)
def test_find_browser__finds_what_a_person_or_the_machine_installed(
    ours: Path, system: Windows, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("PATH", str(ours))
    for number, name in enumerate(("LOCALAPPDATA", "PROGRAMFILES", "PROGRAMFILES(X86)")):
        monkeypatch.setenv(name, str(ours / str(number)))
        browser = ours / str(number) / place
        browser.parent.mkdir(parents=True)
        browser.touch()
        subprocess.run(["/bin/chmod", "+x", browser], check=True)
        assert html.find_browser() == str(browser)
        browser.unlink()


def test_main__prints_what_no_code_page_holds_into_a_file(
    ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = "Opportunity ID,Opportunity Name,Stage,Amount,Close Date,Created Date,Weg → Ziel"
    deal = "1,Acme,Prospecting,5,2026-12-01,2026-01-01,x"
    Path("deals.csv").write_text(f"{head}\n{deal}\n", encoding="utf-8")
    written = io.BytesIO()
    monkeypatch.setattr(
        sys, "stdout", io.TextIOWrapper(written, encoding="cp1252", write_through=True)
    )
    monkeypatch.setattr(
        sys, "argv", ["opp-analytics", "import-crm", "deals.csv", "--org", "salesforce"]
    )
    monkeypatch.setattr("warnings.showwarning", None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "Weg → Ziel" in written.getvalue().decode()


def test_commands__write_their_files(
    ours: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame(
        [row(number, name=f"Ünal → {number}", owner_name="Zoë") for number in range(6)]
    )
    frame.to_csv("our deals.csv", index=False, encoding="utf-8")

    def run(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["opp-analytics", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err

    with pytest.MonkeyPatch.context() as usual:
        usual.setattr("warnings.showwarning", None)
        run("org", "init", "--from", "our deals.csv")
        run("audit", "--from", "our deals.csv", "--out", "findings.csv")
        for _ in range(2):
            run(
                "report",
                "--from",
                "our deals.csv",
                "--out",
                "reports",
                "--eml",
                "--markdown",
                "--since",
                "2026-01-01",
            )
        run("forecast", "--from", "our deals.csv", "--out", "forecast.md")
    assert {file.name for file in ours.iterdir()} >= {
        "opp-analytics.toml",
        "opp-history",
        "reports",
        "findings.csv",
    }
    assert len(list((ours / "reports").iterdir())) == 4
    assert "proposal" in [stage.name for stage in oa.Org.read("opp-analytics.toml").stages]


def test_ledger__is_added_to_in_turn(ours: Path) -> None:
    # Where there is none, POSIX' own lock removes a file that it has open.
    (ours / ".deliveries.jsonl.lock").touch()
    ledger = Ledger(ours)
    ledger.check()
    for day in ("2026-11-23", "2026-11-30"):
        ledger.add(Run(now(), day, (f"weekly-{day}.html",)))
    assert [run.files for run in ledger.runs()] == [
        ("weekly-2026-11-23.html",),
        ("weekly-2026-11-30.html",),
    ]
    assert b"\r" not in ledger.file.read_bytes()


def test_layout__is_kept(ours: Path, system: Windows) -> None:
    frame = pd.DataFrame([row(1)])
    for order in (["name"], ["stage"]):
        write_layout(frame, {"order": order})
        assert read_layout(frame) == {"order": order}


def test_load__goes_on_where_it_was_cut_off(
    tenant: Callable[..., oa.Client], shared_sandbox: oa.sandbox.Sandbox, ours: Path
) -> None:
    client = tenant(30, retries=0)
    shared_sandbox.faults.set(error_rate=0.15)
    for _ in range(40):
        try:
            loaded = oa.load(client, page_size=5, progress=False)
            break
        except oa.errors.ServerError:
            continue
    shared_sandbox.faults.reset()
    assert len(loaded) == len(oa.load(client, refresh="changes", progress=False)) == 30
    assert [
        file.name for file in client.cache_folder.iterdir() if file.name.startswith(("sweep", "."))
    ] == []


@pytest.mark.parametrize("name", ["CON.csv", "a:b.csv", "what?.csv"])
def test_exports__say_that_a_name_cannot_be_written_and_leave_nothing(
    ours: Path, name: str
) -> None:
    with pytest.raises(oa.errors.DataError, match=rf"cannot write {re.escape(name)}"):
        oa.to_csv(pd.DataFrame([row(1)]), name)
    assert list(ours.iterdir()) == []


def test_demo__removes_its_folder_at_the_end(tmp_path: Path) -> None:
    script = (
        "import contextlib, pathlib, sys\n"
        "from tests.windows import windows\n"
        "import opp_analytics as oa\n"
        "stack = contextlib.ExitStack()\n"
        "stack.enter_context(windows(pathlib.Path(sys.argv[1])))\n"
        "client, history = oa.demo(1, progress=False)\n"
        "history.as_of(history.records['recorded_at'].iloc[-1]), oa.load(client, progress=False)\n"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(scratch.iterdir()) == []


@pytest.mark.browser
def test_print_pdf__prints_by_a_real_browser(
    ours: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = subprocess.run
    # The superuser of this system, whom Windows does not know, has no sandbox.
    monkeypatch.setattr(
        subprocess, "run", lambda command, **how: run([*command, "--no-sandbox"], **how)
    )
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    page = b"<!doctype html><title>Weekly</title><p>March will reach $180K."
    assert html.print_pdf(page, browser=html.find_browser()).startswith(b"%PDF-")
    assert list((tmp_path / "temporary").iterdir()) == []
