#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Sessions of `nox`, for those who like a task runner: each installs what it needs.

CONTRIBUTING.md has the bare commands.
"""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session: nox.Session) -> None:
    """Run the fast tests, or those that are named."""
    session.install("-e", ".[all,test]")
    session.run("pytest", *session.posargs)


@nox.session
def style(session: nox.Session) -> None:
    """Check style and layers."""
    session.install("-e", ".[test]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    session.install("-e", ".[all,test]")
    session.run("mypy")


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the docs as a site."""
    session.install("-e", ".[test]")
    session.run("zensical", "build", "--strict", "--clean")


if __name__ == "__main__":
    nox.main()
