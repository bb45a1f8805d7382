from __future__ import annotations

import datetime as dt
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import msgspec
import pandas as pd
import pytest
import yaml

import opp_analytics as oa
from opp_analytics.cli import schedule
from opp_analytics.report.delivery.ledger import Run
from tests.cli.kinds import Command
from tests.pages import refusal
from tests.support import row

ODD = '100% it\'s $HOME & "é"'
SENDING = ("--send", "--for-each", "team,owner_name", "--keep", 12)
SHELLS = [
    [found, *options]
    for shell, *options in (["dash"], ["bash", "--posix"], ["busybox", "sh"], ["sh"])
    if (found := shutil.which(shell))
]
SETTINGS = {"BLOCKS_API_URL": "https://a", "BLOCKS_API_KEY": "key"}
Fake = Callable[..., list[list[str]]]


@pytest.fixture(params=["sales", ODD])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an org file and a history, under a plain name and under an odd one."""
    folder = tmp_path / request.param
    folder.mkdir()
    (folder / "opp-analytics.toml").write_text('timezone = "UTC"\n')
    oa.History(folder / "opp-history").record(pd.DataFrame([row(1)]))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in place of ours that notes its words and settings, and ends with the codes that
    `codes` lists."""
    file = tmp_path / "bin dir" / "opp-analytics"
    file.parent.mkdir()
    file.write_text(
        f"""#!/bin/sh
cd {shlex.quote(str(file.parent))}
echo "begin $*" >>calls
printf '%s' "$BLOCKS_API_KEY" >key
sleep "$(cat seconds 2>/dev/null || echo 0)"
echo "end $*" >>calls
echo "words of $1"
read -r code <codes && sed -i 1d codes
exit "${{code:-0}}"
"""
    )
    file.chmod(0o755)
    (file.parent / "codes").touch()
    monkeypatch.setattr(schedule, "_find_program", lambda kind: [str(file)])
    return file


def run(
    folder: Path, verb: str, program: Path, *codes: int, shell: list[str] = SHELLS[0], **more: Any
) -> tuple[int, list[str], str]:
    """Run the script: its exit code, the calls of the program and what it printed."""
    (program.parent / "calls").unlink(missing_ok=True)
    (program.parent / "codes").write_text("".join(f"{code}\n" for code in codes))
    done = subprocess.run(
        [*shell, folder / "opp-schedule.sh", verb],
        env={"PATH": os.environ["PATH"], **SETTINGS, **more},
        cwd="/",
        capture_output=True,
        text=True,
    )
    calls = (program.parent / "calls").read_text().splitlines()
    return (
        done.returncode,
        [call[6:] for call in calls if call.startswith("begin")],
        done.stdout + done.stderr,
    )


@pytest.mark.parametrize("place", [ODD], indirect=True)
@pytest.mark.posix
@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: Path(shell[0]).name)
def test_script__runs_what_is_due(
    place: Path, program: Path, command: Command, shell: list[str]
) -> None:
    assert command("schedule", "--for", "cron", "--out", ".", *SENDING)[0] == 0
    (place / "secrets.env").write_text(
        '# ours\r\nexport BLOCKS_API_URL=https://a\r\nBLOCKS_API_KEY=\'a $(touch x) "b" '
        "%'\nEMPTY=\n"
    )
    record = "record --history opp-history"
    send = "report --history opp-history --out reports --send --for-each team,owner_name"
    report = f"{send} --keep 12"
    assert run(place, "record", program, shell=shell) == (0, [record, f"{send} --alerts"], "")
    assert (program.parent / "key").read_text() == 'a $(touch x) "b" %'
    assert run(place, "record", program, 0, 3, shell=shell) == (3, [record, f"{send} --alerts"], "")
    assert run(place, "record", program, 1, shell=shell) == (1, [record], "words of record\n")
    assert run(place, "report", program, 3, shell=shell) == (3, [report], "")
    # What was not made or not sent on Monday is tried again after each record: for whom it missed,
    # if it was made.
    code, calls, said = run(place, "report", program, 1, shell=shell)
    due = place / "reports" / "opp-schedule.due"
    day = due.read_text().split()[0]
    again = (
        f"words of report\nThe page of {day} failed; it is tried again after the next record, "
        f"{{}} more.\n"
    )
    assert (code, calls, said) == (1, [report], again.format(3))
    done = run(place, "record", program, 0, 3, 1, shell=shell)
    assert done == (3, [record, f"{send} --alerts", report], again.format(2)), (
        "what worked is no failure"
    )
    ledger = place / "reports" / "deliveries.jsonl"
    ledger.write_bytes(
        msgspec.json.encode(Run("2026-11-23T12:30:00+00:00", "2026-11-23", ())) + b"\n"
    )
    due.write_text("2026-11-23 2\n")
    late = [record, f"{send} --alerts", f"{report} --as-of 2026-11-23"]
    assert run(place, "record", program, shell=shell) == (0, late, "")
    assert run(place, "record", program, shell=shell)[1] == late[:2]
    due.write_text("2026-11-23 3\n")
    end = (
        "words of report\nThe page of 2026-11-23 failed 4 times; the next one is that of Monday.\n"
    )
    assert run(place, "record", program, 0, 0, 1, shell=shell) == (0, late, end)
    assert run(place, "record", program, shell=shell)[1] == late[:2]
    log = (place / "opp-schedule.log").read_text()
    assert log.count("record: exit code 0\nwords of record\n") == 7
    assert "alerts: exit code 3\nwords of report\n" in log
    assert "page of 2026-11-23: exit code 1\nwords of report\n" in log
    assert not list(place.rglob("x")), "secrets are read, not run"
    left = {"opp-schedule.sh", "opp-schedule.crontab", "opp-schedule.log", "opp-schedule.lock"}
    assert {file.name for file in place.glob("opp-schedule*")} == left
    assert (place / "opp-schedule.log").stat().st_mode & 0o077 == 0


@pytest.mark.posix
def test_script__prints_alerts_where_it_sends_nothing(
    place: Path, program: Path, command: Command
) -> None:
    command("schedule", "--for", "cron", "--out", ".")
    assert run(place, "record", program) == (0, ["record --history opp-history"], "")
    report = ["report --history opp-history --out reports --eml"]
    assert run(place, "report", program, 3) == (3, report, "words of report\n")


@pytest.mark.posix
def test_script__refuses_secrets_without_showing_them(
    place: Path, program: Path, command: Command
) -> None:
    command("schedule", "--for", "cron", "--out", ".")
    (place / "secrets.env").write_text("GOOD=1\nhunter2 is the password\n")
    (program.parent / "calls").touch()
    script = [*SHELLS[0], str(place / "opp-schedule.sh"), "record"]
    done = subprocess.run(script, env=os.environ | SETTINGS, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"line 2 of {place}/secrets.env is not NAME='value'" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.posix
def test_script__runs_nothing_without_the_settings_of_the_api(
    place: Path, program: Path, command: Command
) -> None:
    command("schedule", "--for", "cron", "--out", ".")
    (program.parent / "calls").touch()
    script = [*SHELLS[0], str(place / "opp-schedule.sh"), "report"]
    done = subprocess.run(script, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        f"BLOCKS_API_URL is not set: {place}/secrets.env cannot be read or lacks it" in done.stderr
    )
    assert (program.parent / "calls").read_text() == ""
    command("schedule", "--for", "cron", "--out", ".", "--from", "deals.csv")
    subprocess.run(script, env={"PATH": os.environ["PATH"]}, check=True)


@pytest.mark.parametrize("place", [ODD], indirect=True)
@pytest.mark.posix
@pytest.mark.parametrize("with_flock", [True, False])
def test_script__runs_one_at_a_time(
    place: Path, program: Path, command: Command, tmp_path: Path, with_flock: bool
) -> None:
    command("schedule", "--for", "cron", "--out", ".")
    (program.parent / "seconds").write_text("0.2")
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in (
        "sh",
        "cat",
        "date",
        "ln",
        "mkdir",
        "mv",
        "readlink",
        "rm",
        "sed",
        "sleep",
        "touch",
        "wc",
    ):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    if with_flock:
        (tools / "flock").symlink_to(str(shutil.which("flock")))
    else:  # of a process that was killed
        (place / "opp-schedule.pid").symlink_to("999999999")
    script = [*SHELLS[0], str(place / "opp-schedule.sh"), "record"]
    runs = [subprocess.Popen(script, env={"PATH": str(tools), **SETTINGS}) for _ in range(2)]
    assert [one.wait() for one in runs] == [0, 0]
    calls = (program.parent / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["begin", "end"] * 2
    assert not (place / "opp-schedule.pid").is_symlink()


@pytest.mark.posix
def test_crontab__runs_the_script(place: Path, program: Path, command: Command) -> None:
    command("schedule", "--for", "cron", "--out", ".")
    lines = [
        line for line in (place / "opp-schedule.crontab").read_text().splitlines() if line[0] != "#"
    ]
    assert len(lines) == 2
    for line, days, verb in zip(lines, "*1", ("record", "report"), strict=True):
        fields = re.fullmatch(r"\d+ \d+ \* \* (\S) (.+)", line)
        assert fields is not None
        assert fields[1] == days
        # Cron ends the command at a percent sign without a backslash, and takes the backslash away.
        assert not re.search(r"(?<!\\)%", fields[2])
        subprocess.run(
            ["/bin/sh", "-c", fields[2].replace(r"\%", "%")],
            check=True,
            env={"PATH": "/usr/bin:/bin", **SETTINGS},
        )
        assert f"begin {verb}" in (program.parent / "calls").read_text()


@pytest.mark.parametrize(
    ("zone", "fields"),
    [("Pacific/Auckland", (17, 0)), ("America/Chicago", (12, 1)), ("Asia/Kolkata", (1, 1))],
)
def test_crontab__goes_by_the_clock_of_the_org(
    place: Path,
    command: Command,
    zone: str,
    fields: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Clock:
            return cls(2026, 11, 25, 12, tzinfo=dt.UTC).astimezone(tz)

    monkeypatch.setattr(schedule, "datetime", Clock)
    (place / "opp-analytics.toml").write_text(f'timezone = "{zone}"\n')
    command("schedule", "--for", "github", "--out", ".")
    made = yaml.safe_load((place / "opp-analytics.yml").read_text())
    # 06:30 on Monday there, in UTC.
    minute = "0" if zone == "Asia/Kolkata" else "30"
    assert made[True]["schedule"][1]["cron"] == f"{minute} {fields[0]} * * {fields[1]}"
    command("schedule", "--for", "systemd", "--out", ".")
    assert f"OnCalendar=Mon *-*-* 06:30 {zone}\n" in (place / "opp-report.timer").read_text()


@pytest.mark.posix
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")
def test_units__pass_systemd(place: Path, command: Command) -> None:
    command("schedule", "--for", "systemd", "--out", ".", *SENDING)
    units = sorted(str(file) for kind in ("service", "timer") for file in place.glob(f"*.{kind}"))
    assert len(units) == 4
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("record", "report"):
        service = (place / f"opp-{name}.service").read_text()
        assert "SuccessExitStatus=3\n" in service
        word = re.search(r"^ExecStart=/bin/sh \"(.*)\" " + name + "$", service, re.M)
        assert word is not None
        unquoted = re.sub(r"\\(.)", r"\1", word[1]).replace("%%", "%").replace("$$", "$")
        assert unquoted == str(place / "opp-schedule.sh")
        assert f"EnvironmentFile=-{str(place / 'secrets.env').replace('%', '%%')}\n" in service
        timer = (place / f"opp-{name}.timer").read_text()
        assert "Persistent=true\n" in timer
        [calendar] = re.findall("OnCalendar=(.*)", timer)
        subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)


@pytest.mark.parametrize("place", [ODD], indirect=True)
@pytest.mark.posix
def test_workflow__keeps_the_history_on_its_branch(
    place: Path, program: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, team, root = tmp_path / "origin.git", tmp_path / "team", tmp_path / "runner"

    def git(*words: object, at: Path = team) -> str:
        ours = [
            "-c",
            "user.name=Ann",
            "-c",
            "user.email=ann@example.com",
            "-c",
            "init.defaultBranch=main",
        ]
        return subprocess.run(
            ["git", *ours, *map(str, words)], cwd=at, check=True, capture_output=True, text=True
        ).stdout

    # The folder of the org file may be one of a repository.
    git("init", "--bare", origin, at=tmp_path)
    git("clone", origin, team, at=tmp_path)
    folder = team / place.name
    shutil.copytree(place, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(schedule, "_find_program", lambda kind: ["opp-analytics"])
    code, said, _ = command("schedule", "--for", "github", "--out", ".", *SENDING)
    assert code == 0
    git("add", place.name + "/opp-schedule.sh", place.name + "/opp-analytics.toml")
    git("commit", "-m", "Schedule")
    git("push", "origin", "HEAD:main")
    begin = [line for line in said.splitlines() if re.match(r"git |mkdir ", line)]
    identity = {
        f"GIT_{who}_{what}": "ann@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    for line in begin:
        subprocess.run(["bash", "-ec", line], cwd=folder, check=True, env=os.environ | identity)
    shutil.rmtree(folder / "opp-history")

    made = yaml.safe_load((folder / "opp-analytics.yml").read_text())
    assert made["permissions"] == {"contents": "write"}
    assert made["concurrency"]["cancel-in-progress"] is False
    [job] = made["jobs"].values()
    first, second, python, install, record, keep, artifact = job["steps"]
    assert [one["uses"].partition("@")[0] for one in (first, second, python, artifact)] == [
        "actions/checkout",
        "actions/checkout",
        "actions/setup-python",
        "actions/upload-artifact",
    ]

    def day(job_name: str, *codes: int) -> list[int]:
        """Run a day's job as a fresh machine does: the exit code of each run block."""
        shutil.rmtree(root, ignore_errors=True)
        git("clone", "--branch", "main", origin, root, at=tmp_path)
        git(
            "clone",
            "--branch",
            second["with"]["ref"],
            origin,
            root / second["with"]["path"],
            at=tmp_path,
        )
        (program.parent / "codes").write_text("".join(f"{code}\n" for code in codes))
        fake = program.parent / "python"
        fake.write_text(f'#!/bin/sh\necho "$@" >{shlex.quote(str(program.parent / "installed"))}\n')
        fake.chmod(0o755)
        ended = []
        for step in (install, record, keep):
            given = job["env"] | dict.fromkeys(step.get("env", {}), "")
            given |= SETTINGS | {"JOB": job_name, "PACKAGE": "git+https://git.example.com/us@main"}
            given["PATH"] = f"{program.parent}:{os.environ['PATH']}"
            block = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            where = root / made["defaults"]["run"]["working-directory"]
            ended.append(
                subprocess.run(block, cwd=where, env=given, capture_output=True).returncode
            )
        return ended

    def branch() -> list[str]:
        return git(
            "-c", "core.quotePath=off", "ls-tree", "-r", "--name-only", "history", at=origin
        ).splitlines()

    before = branch()
    assert before
    assert all(file.startswith("opp-history/") for file in before)
    assert day("record", 0, 3) == [0, 0, 0], "an alert is no failure"
    said = (program.parent / "installed").read_text()
    assert said == (
        "-m pip install opp-analytics[excel,report,deliver] @ git+https://git.example.com/us@main\n"
    )
    calls = (program.parent / "calls").read_text()
    assert "begin record --history kept/opp-history\n" in calls
    assert git("rev-list", "--count", "history", at=origin) == "1\n", "nothing changed"
    # What a run leaves: a record, a page and what was sent.
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    (program.parent / "run").write_bytes(msgspec.json.encode(Run("", today, ())) + b"\n")
    ran = shlex.quote(str(program.parent / "run"))
    program.write_text(
        program.read_text().replace(
            "#!/bin/sh\n",
            "#!/bin/sh\nmkdir -p kept/reports && date >>kept/opp-history/new && "
            f"touch kept/reports/weekly.html && cat {ran} >>kept/reports/deliveries.jsonl\n",
        )
    )
    assert day("report", 1) == [0, 1, 0], "a failure is told, and what was sent is kept"
    more = ["opp-history/new", "reports/deliveries.jsonl", "reports/opp-schedule.due"]
    assert branch() == sorted([*before, *more])
    # A new machine has no page; the ledger tells that it was made.
    assert day("record") == [0, 0, 0]
    assert (
        (program.parent / "calls")
        .read_text()
        .splitlines()[-1]
        .endswith(f"--keep 12 --as-of {today}")
    )
    assert branch() == sorted([*before, *more[:2]])
    author = git("log", "-1", "--format=%an %s", "history", at=origin)
    assert author == f"github-actions[bot] Record of {dt.datetime.now(dt.UTC):%Y-%m-%d}\n"
    assert [root / path.removeprefix("./") for path in artifact["with"]["path"].splitlines()] == [
        root / place.name / "kept" / "reports" / f"*.{ending}" for ending in ("html", "xlsx", "pdf")
    ]
    expected = {"BLOCKS_API_URL", "BLOCKS_AUTH_TOKEN", "BLOCKS_API_KEY"}
    assert expected < set(record["env"])
    assert all(
        not name.startswith(("BLOCKS", "OPP"))
        for step in (install, keep)
        for name in step.get("env", {})
    )


@pytest.mark.posix
def test_docker__runs_the_days_jobs_in_the_foreground(
    place: Path, program: Path, command: Command, tmp_path: Path
) -> None:
    command("schedule", "--for", "docker", "--out", ".", *SENDING)
    lines = [line for line in (place / "Dockerfile").read_text().splitlines() if line[0] != "#"]
    words = dict(line.split(maxsplit=1) for line in lines)
    assert list(words) == ["FROM", "ARG", "RUN", "COPY", "USER", "ENV", "WORKDIR", "VOLUME", "CMD"]
    assert not words["USER"].startswith("0")
    # The build needs PACKAGE.
    fake = program.parent / "pip"
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    for package, code in {"": 1, "https://x/y.whl": 0}.items():
        given = {"PATH": f"{program.parent}:/usr/bin:/bin", "PACKAGE": package}
        built = subprocess.run(
            ["/bin/sh", "-c", words["RUN"]], env=given, capture_output=True, text=True
        )
        assert built.returncode == code
    assert (
        built.stdout
        == "install --no-cache-dir opp-analytics[excel,report,deliver] @ https://x/y.whl\n"
    )
    script = (place / "opp-schedule.sh").read_text()
    (place / "opp-schedule.sh").write_text(
        script.replace("folder=/sales", f"folder={shlex.quote(str(place))}")
    )
    clock = program.parent / "date"
    clock.write_text(
        "#!/bin/sh\ncase $1 in +%H%M) echo 0830 ;; +%u) echo 1 ;; *) echo 2026-11-23 ;; esac\n"
    )
    clock.chmod(0o755)
    (program.parent / "calls").touch()
    call = [word.replace("/usr/local/bin", str(place)) for word in json.loads(words["CMD"])]
    loop = subprocess.Popen(
        call, env={"PATH": f"{program.parent}:{os.environ['PATH']}", **SETTINGS}
    )
    try:
        for _ in range(600):
            if (program.parent / "calls").read_text().count("\nend ") == 3:
                break
            time.sleep(0.05)
        jobs = (program.parent / "calls").read_text().splitlines()
        assert [job.split()[1] for job in jobs if job.startswith("begin")] == [
            "record",
            "report",
            "report",
        ]
        assert loop.poll() is None
    finally:
        loop.terminate()
        assert loop.wait() == 0


def test_schedule__prints_what_it_writes(place: Path, program: Path, command: Command) -> None:
    for kind in get_args(schedule.Scheduler):
        code, printed, _ = command("schedule", "--for", kind, *SENDING)
        assert code == 0
        assert command("schedule", "--for", kind, *SENDING, "--out", ".")[0] == 0
        for file in schedule._FILES[kind]:
            assert (place / file).read_text(encoding="utf-8") in printed
        assert not re.search(r"@\w+@", printed)


def test_schedule__prints_commands_that_we_have(place: Path, command: Command) -> None:
    _, printed, _ = command("schedule", "--for", "cron", "--from", "deals.csv")
    calls = re.findall(r"\{ run (?:record|\".*?\") (.*?)(?: \"\$@\")?; \}", printed)
    assert len(calls) == 2
    for call in calls:
        assert refusal(shlex.split(call)) == ""
        assert "--from deals.csv" in call


def test_batch_file__runs_nothing_without_the_settings_of_the_api(
    place: Path, command: Command
) -> None:
    check = "for %%n in (BLOCKS_API_URL BLOCKS_API_KEY) do if not defined %%n ("
    assert command("schedule", "--for", "windows", "--out", ".")[0] == 0
    lines = Path("opp-schedule.cmd").read_text().splitlines()
    assert lines.index("if exist secrets.cmd call secrets.cmd") < lines.index(check)
    pd.DataFrame([row(1)]).to_csv("deals.csv", index=False)
    _, printed, _ = command("schedule", "--for", "windows", "--from", "deals.csv")
    assert "for %%n in () do if not defined %%n (" in printed


def test_schedule__says_which_secrets_are_there(
    place: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLOCKS_API_URL", "https://hidden.example.com")
    (place / "secrets.env").write_text("BLOCKS_TOKEN_COMMAND='pass hidden'\nBLOCKS_API_KEY=''\n")
    (place / "secrets.env").chmod(0o644)
    _, printed, _ = command("schedule", "--for", "cron", "--send", "--out", ".")
    secrets = printed.partition("Secrets")[2].partition("Next")[0]
    states = dict(
        re.split(r" {2,}", line)
        for line in secrets.splitlines()
        if re.search(r"\S {2,}\S", line) and "secrets.env" not in line
    )
    assert states == {
        "BLOCKS_API_URL": "set in this shell only",
        "BLOCKS_TOKEN_COMMAND": "there",
        "BLOCKS_API_KEY": "not set",
        "OPP_ANALYTICS_SMTP_URL or OPP_ANALYTICS_SMTP_COMMAND": "not set; only for mail",
        "OPP_ANALYTICS_CHAT_URLS or OPP_ANALYTICS_CHAT_COMMAND": "not set; only for chats",
    }
    assert "Others can read" in secrets
    assert "hidden" not in printed


def test_schedule__refuses_a_folder_without_org_or_history(
    here: Path, command: Command, tmp_path: Path
) -> None:
    code, _, said = command("schedule")
    assert code == 1
    assert "no opp-analytics.toml" in said
    assert "opp-analytics start FILE or opp-analytics org init" in said
    code, _, said = command("schedule", "--org", "salesforce")
    assert code == 1
    assert "opp-analytics record --history opp-history" in said
    (here / "opp-analytics.toml").touch()
    oa.History(tmp_path / "elsewhere").record(pd.DataFrame([row(1)]))
    code, _, said = command("schedule", "--for", "docker", "--history", tmp_path / "elsewhere")
    assert code == 1
    assert f"{tmp_path}/elsewhere is outside {here}" in said
    assert list(here.iterdir()) == [here / "opp-analytics.toml"]


def test_schedule__replaces_only_its_own_files(place: Path, command: Command) -> None:
    (place / "Dockerfile").write_text("FROM scratch\n")
    code, _, said = command("schedule", "--for", "docker", "--out", ".")
    assert code == 1
    assert "Dockerfile was not made by this command" in said
    assert not (place / "opp-schedule.sh").exists()
