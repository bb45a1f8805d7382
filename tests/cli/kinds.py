"""The kinds of the fixtures that the tests of the command line share."""

from __future__ import annotations

from collections.abc import Callable

import opp_analytics as oa

Command = Callable[..., tuple[int, str, str]]
"""Runs the command line with the given words: exit code, standard output, standard error."""
Account = Callable[..., oa.Client]
"""Makes a tenant that holds the given rows, and sets the environment as its user would."""
