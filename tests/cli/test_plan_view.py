"""What the package says in Python, in the words of the command line."""

import pytest

from opp_analytics.cli.plan_view import shell_words


@pytest.mark.parametrize(
    ("python", "shell"),
    [
        ("resume(client, 'r1') finishes it", "opp-analytics resume r1 finishes it"),
        ("resume(client, 'r1', unknown='send') sends it", "opp-analytics resume r1 --unknown send sends it"),
        ("needs clear_nulls=True", "needs --clear-nulls"),
    ],
)
def test_shell_words__can_be_typed(python: str, shell: str) -> None:
    assert shell_words(python).endswith(shell)


def test_resume__takes_what_to_do_with_unknown_outcomes(command) -> None:
    assert command("resume", "--unknown", "guess")[0] == 2
    assert "--unknown" in command("resume", "--help")[1]
