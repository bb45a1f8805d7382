import re

from opp_analytics.cli import app
from opp_analytics.cli.tour import TOUR


def test_help__is_a_tour_of_every_command_in_order(command):
    code, text, _ = command("--help")
    assert code == 0
    assert [panel for panel in TOUR if panel in text] == list(TOUR)
    told = re.findall(r"^│ ([a-z][a-z-]*)  ", text, re.M)
    assert told == [name for names in TOUR.values() for name in names]
    assert len(told) == len(app.registered_commands)
