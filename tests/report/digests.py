"""A digest with names that try to be more than text."""

from __future__ import annotations

from opp_analytics.answers.alerts import Alert
from opp_analytics.report.digest import Digest, Saying, Section

PEOPLE = Section(
    "people",
    "Bo is short",
    "US dollars.",
    (Saying("Ann", ": $70 of $90 closed"), Saying("Bo ```x", ": $1.12K closed", strong=False)),
)
RISK = Section(
    "at_risk",
    "1 of 2 open deals flagged",
    "The largest first.",
    (Saying("[Oak](http://x) *now*", ", $45K, Ann: pushed 3 times, in Proposal"),),
)


def digest(*sections: Section) -> Digest:
    """A digest with these sections."""
    return Digest(
        "Weekly forecast · Mar 16, 2026",
        (Alert("March is <1% likely.", True), Alert("March has $70K closed.", False)),
        "March will likely reach $180K.",
        "",
        ("This load may be incomplete.",),
        (("Closed won", "$70K", "", "1 deal"), ("Coverage", "–", "", "none due")),
        sections,
        whose="Mar 16, 2026",
    )
