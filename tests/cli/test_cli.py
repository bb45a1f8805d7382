import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import typer.main

from opp_analytics.cli import app
from tests.support import row

README = Path(__file__).parents[2] / "README.md"


def test_help__names_every_command_and_each_has_an_example_and_a_readme_line(command):
    commands = typer.main.get_command(app).commands
    readme = README.read_text()
    _, overview, _ = command("--help")
    for name in commands:
        code, text, _ = command(name, "--help")
        assert code == 0
        assert f"Example: opp-analytics {name}" in text
        assert name in overview
        assert f"opp-analytics {name}" in readme


@pytest.mark.parametrize("arguments", [["doctor"], ["load"], ["record"]])
def test_commands__without_settings_say_what_to_set_in_one_error(command, arguments):
    code, out, err = command(*arguments)
    assert code == 1
    assert err.startswith("Error: BLOCKS_API_URL, BLOCKS_AUTH_TOKEN, BLOCKS_API_KEY not set")
    assert "Traceback" not in err + out


def test_doctor__reports_each_check_and_writes_nothing(command, account, tmp_path):
    client = account(20)
    before = client.list(1, 100).rows
    code, out, err = command("doctor")
    assert (code, err) == (0, "")
    assert "settings   ok" in out
    assert "20 opportunities" in out
    assert "sorting    ok" in out
    assert client.list(1, 100).rows == before
    assert client.settings.token.reveal() not in out


def test_doctor__with_a_wrong_token_says_so(command, account, monkeypatch):
    account(1)
    monkeypatch.setenv("BLOCKS_AUTH_TOKEN", "wrong")
    code, _, err = command("doctor")
    assert code == 1
    assert "BLOCKS_AUTH_TOKEN" in err


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_load__writes_a_file_that_reads_back(command, account, tmp_path, ending):
    account(pd.DataFrame([row(1, name='=HYPERLINK("http://x")'), row(2, value=None)]))
    file = tmp_path / f"pipeline.{ending}"
    code, out, _ = command("load", "--out", file)
    assert code == 0
    assert "2 opportunities" in out
    assert "complete" in out
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "xlsx": pd.read_excel}[ending](file)
    assert sorted(read["unique_id"]) == ["opp-1", "opp-2"]
    assert '=HYPERLINK("http://x")' in read["name"].tolist()
    assert read["value"].isna().sum() == 1
    assert [f.name for f in tmp_path.glob("*pipeline*")] == [file.name]


def test_load__refuses_an_unknown_ending_before_asking(command, tmp_path):
    code, _, err = command("load", "--out", tmp_path / "pipeline.doc")
    assert code == 1
    assert ".csv, .parquet, .xlsx" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_load__on_a_full_disk_keeps_the_older_file(command, account, tmp_path, monkeypatch):
    account(3)
    file = tmp_path / "pipeline.csv"
    file.write_text("older")

    def full(self, path, **_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    code, _, err = command("load", "--out", file)
    assert code == 1
    assert "No space left on device" in err
    assert file.read_text() == "older"


def test_record__adds_what_changed(command, account, tmp_path):
    client = account(3)
    folder = tmp_path / "history"
    code, out, _ = command("record", "--history", folder)
    assert code == 0
    assert "recorded 3 opportunities, 3 changed" in out
    client.update("opp-1", value=5)
    _, out, _ = command("record", "--history", folder)
    assert "recorded 3 opportunities, 1 changed" in out
    assert "as record 2" in out


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_sandbox__prints_three_lines_and_stops_on_ctrl_c():
    process = subprocess.Popen(
        [sys.executable, "-m", "opp_analytics", "sandbox", "--port", "0", "--weeks", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=900)
    assert [line.split("=")[0] for line in lines] == [
        "export BLOCKS_API_URL",
        "export BLOCKS_AUTH_TOKEN",
        "export BLOCKS_API_KEY",
    ]
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sandbox", "--port", "0", "--db", "{file}"), "is not a sandbox database"),
        (("sandbox", "--port", "0", "--db", "{file}/team.db"), "team.db"),
        (("sandbox", "--port", "{port}"), "in use"),
        (("demo", "--out", "{file}"), "cannot be made a folder"),
    ],
)
def test_start__says_in_one_line_why_not(command, tmp_path, shared_sandbox, arguments, says):
    file = tmp_path / "file"
    file.write_text("no database" * 1000)
    port = shared_sandbox.url.rsplit(":", 1)[1]
    code, out, err = command(*(part.format(file=file, port=port) for part in arguments))
    assert code == 1
    assert out == ""
    assert says in err.replace("\n", " ")
    assert "Traceback" not in err


def test_demo__shows_the_product_and_proves_the_edit(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "opp_analytics", "demo", "--out", str(tmp_path / "charts")],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160"},
    )
    assert done.returncode == 0, done.stderr
    for section in (
        "Stage funnel",
        "Win rate by owner",
        "Forecast by month",
        "Slippage",
        "A bulk edit",
        "Try next",
    ):
        assert section in done.stdout
    assert "0 deals left overdue or due this week" in done.stdout
    assert " applied" in done.stdout
    assert "failed" not in done.stdout
    charts = sorted(f.name for f in (tmp_path / "charts").glob("*.png"))
    assert charts == ["forecast.png", "funnel.png", "slippage.png", "win_rate.png"]
    assert all((tmp_path / "charts" / name).read_bytes().startswith(b"\x89PNG") for name in charts)
    assert "What changed since last week" in (tmp_path / "charts" / "weekly.html").read_text()


def test_load_and_record__count_one_as_one(command, account, tmp_path):
    account(1)
    _, out, _ = command("load", "--out", tmp_path / "pipeline.csv")
    assert "1 opportunity from" in out
    assert "2 pages, fetched" in out
    _, out, _ = command("record", "--history", tmp_path / "history")
    assert "recorded 1 opportunity, 1 changed" in out
