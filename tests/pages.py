"""The pages of README and docs, their code, and the commands that they call."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import typer.core
import typer.main

from opp_analytics.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.S | re.M)


def told(page: Path) -> list[list[str]]:
    """The arguments of each call of ours in the page's blocks for shells and schedulers."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.S | re.M)
    code = "".join(block for language, block in found if language not in ("python", "py", "toml"))
    return [shlex.split(call) for call in re.findall(r"opp-analytics((?: [^\s&|;)#]+)+)", code)]


def refusal(call: list[str]) -> str:
    """What our command says of arguments that are missing or options that it does not have."""
    command: Any = typer.main.get_command(app)
    rest = call
    try:
        while isinstance(command, typer.core.TyperGroup):
            _, command, rest = command.resolve_command(command.make_context("", [*rest]), rest)
        command.make_context("", [*rest])
    except Exception as error:
        return repr(error)
    return ""
