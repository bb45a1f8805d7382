"""Python processes of their own, as from a terminal: what they import was compiled before, and is only read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


def python(*arguments: str) -> str:
    """What a new Python process prints."""
    surroundings = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, check=True, cwd=_ROOT, env=surroundings, stdout=subprocess.PIPE, text=True)
    return done.stdout


def measured(module: str, *arguments: object) -> dict[str, Any]:
    """What a module beside this one measures in a process of its own."""
    found: dict[str, Any] = json.loads(python("-m", f"{__package__}.{module}", *map(str, arguments)))
    return found
