"""The simulated sales team, and its true rates.

A deal is a Markov chain on working days: it leaves each stage with a fixed daily chance (`LEAVE_PER_DAY`), and
its next stage (`NEXT`) depends only on the stage and on its owner's skill. So the chance of a win can be computed
exactly: TRUE_WIN_RATE and the other rates below are not estimates, and estimates can be checked against them.
Value, close date and stated probability follow the deal but do not affect it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_ORDER = ("discovery", "qualification", "proposal", "negotiation", "closed_won")

LEAVE_PER_DAY: Mapping[str, float] = {
    "discovery": 0.13,
    "qualification": 0.11,
    "proposal": 0.09,
    "negotiation": 0.10,
}
"""Chance that a deal leaves its stage, per working day (five a week)."""

NEXT: Mapping[str, Mapping[str, float]] = {
    "discovery": {
        "qualification": 0.62,
        "proposal": 0.04,
        "closed_lost": 0.22,
        "inactive": 0.09,
        "deleted": 0.03,
    },
    "qualification": {
        "proposal": 0.66,
        "discovery": 0.04,
        "closed_lost": 0.22,
        "inactive": 0.06,
        "deleted": 0.02,
    },
    "proposal": {
        "negotiation": 0.66,
        "closed_won": 0.03,
        "qualification": 0.07,
        "closed_lost": 0.22,
        "inactive": 0.02,
    },
    "negotiation": {"closed_won": 0.66, "proposal": 0.09, "closed_lost": 0.25},
}
"""Next stage of an average rep's deal, with its probability; ``inactive`` is disqualified. Sums to 1."""

AFTERMATH_DAYS = 28
"""Calendar days during which a lost deal may be reopened and a deleted one recovered: 20 working days."""

REOPEN_PER_DAY = 0.003
"""Chance per working day that a recently lost deal comes back, into negotiation."""

RECOVER_PER_DAY = 0.02
"""Chance per working day that a deal deleted by the team comes back, into its former stage."""

_WORKING_DAYS = AFTERMATH_DAYS // 7 * 5


@dataclass(frozen=True)
class Rep:
    """One salesperson."""

    name: str
    skill: float
    """Factor on the weight of every move forward, before the weights are scaled to sum to 1."""
    optimism: float
    """Amount added to the log-odds of the true chance in a stated probability."""
    share: float
    """Fraction of new deals."""

    @property
    def unique_id(self) -> str:
        """The rep's key, the same in every sandbox."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox/rep/{self.name}"))

    @property
    def email(self) -> str:
        """An email address in a reserved domain."""
        return f"{self.name.lower().replace(' ', '.')}@sales.example"


REPS = (
    Rep("Amara Okafor", skill=1.60, optimism=-0.2, share=0.16),
    Rep("Bruno Keller", skill=1.00, optimism=0.3, share=0.18),
    Rep("Chiara Rossi", skill=1.25, optimism=0.0, share=0.15),
    Rep("Dmitri Volkov", skill=0.60, optimism=1.2, share=0.12),
    Rep("Elif Demir", skill=0.90, optimism=0.7, share=0.14),
    Rep("Farid Haddad", skill=0.80, optimism=-0.4, share=0.11),
    Rep("Grace Lindqvist", skill=1.10, optimism=0.5, share=0.14),
)

SOMEBODY = Rep("Somebody Else", skill=1.0, optimism=0.0, share=0.0)
"""The owner of a deal whose owner is unknown."""

ACCOUNTS = (
    "Aldermoor Logistics", "Amberfield Foods", "Arcwright Systems", "Ashgrove Medical", "Aurelia Textiles",
    "Bexhall Insurance", "Birchwater Energy", "Bluecairn Shipping", "Brightloom Media", "Calderstone Bank",
    "Camberwick Retail", "Cedarline Homes", "Cindermill Steel", "Clearhaven Clinics", "Cobaltree Software",
    "Copperwick Hotels", "Cormorant Airways", "Dalesbrook Dairy", "Deepford Mining", "Dovetail Furniture",
    "Eastmere University", "Elmsworth Legal", "Emberton Foundry", "Evenlode Water", "Fairholt Motors",
    "Farrowgate Farms", "Fernhollow Cosmetics", "Flintlock Security", "Foxmarsh Publishing",
    "Galehead Wind", "Glasswing Optics", "Goldcrest Capital", "Greyfriars Pharma", "Halcyon Travel",
    "Harrowdene Schools", "Hawksmoor Builders", "Heatherby Brewing", "Hollinger Robotics",
    "Ironbridge Rail", "Juniper Peak Sports", "Kestrel Telecom", "Kingsmere County", "Lanternway Theaters",
    "Larkspur Genomics", "Limestone Valley Cement", "Longacre Seeds", "Marlowe Games", "Mistral Cooling",
    "Northwold Paper", "Oakhurst Care", "Orchard Row Grocers", "Pellworm Ferries", "Quillon Print",
    "Ravensbeck Defense", "Redfern Analytics", "Saltmarsh Fisheries", "Silverdale Jewelers",
    "Thistledown Toys", "Umberfield Paints", "Wexcombe Plastics",
)  # fmt: skip

OFFERS = (
    ("Platform license", 1.6),
    ("Platform renewal", 1.2),
    ("Data migration", 0.8),
    ("Analytics add-on", 0.7),
    ("Premium support", 0.5),
    ("Training package", 0.3),
    ("Security review", 0.4),
    ("Second-site rollout", 1.1),
)
"""The products, with their value relative to an average deal."""


def account_id(account: str) -> str:
    """Make the account's key, the same in every sandbox."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox/account/{account}"))


@lru_cache
def weigh_next_stages(stage: str, skill: float) -> Mapping[str, float]:
    """Weigh `NEXT` of a stage for a rep of that skill."""
    weights = {
        target: weight * (skill if target in _ORDER and _ORDER.index(target) > _ORDER.index(stage) else 1.0)
        for target, weight in NEXT[stage].items()
    }
    total = sum(weights.values())
    return {target: weight / total for target, weight in weights.items()}


@lru_cache
def compute_outcomes(skill: float) -> Mapping[str, tuple[float, float]]:
    """Compute the chances of ending as won and as lost, by current stage of an open deal.

    The chain is absorbed in won, in lost and not reopened, in deleted and not recovered, or in inactive. With
    P the chances of `weigh_next_stages`, w(s) = Σ P(s, t) w(t), and the same for l; the fixed point is iterated,
    which converges geometrically because every stage leads out.
    """
    reopened = 1 - (1 - REOPEN_PER_DAY) ** _WORKING_DAYS
    recovered = 1 - (1 - RECOVER_PER_DAY) ** _WORKING_DAYS
    found = dict.fromkeys(NEXT, (0.0, 0.0))
    for _ in range(500):
        back = found["negotiation"]
        ends = {
            "closed_won": (1.0, 0.0),
            "closed_lost": (reopened * back[0], 1 - reopened + reopened * back[1]),
            "inactive": (0.0, 0.0),
        }
        for stage in NEXT:
            known = {**found, **ends, "deleted": (recovered * found[stage][0], recovered * found[stage][1])}
            chances = weigh_next_stages(stage, skill).items()
            found[stage] = (
                sum(chance * known[target][0] for target, chance in chances),
                sum(chance * known[target][1] for target, chance in chances),
            )
    return found


def compute_win_rate(*reps: Rep) -> float:
    """Compute the long-run won / (won + lost) of the deals of `reps`, in proportion to their shares."""
    won = sum(rep.share * compute_outcomes(rep.skill)["discovery"][0] for rep in reps)
    lost = sum(rep.share * compute_outcomes(rep.skill)["discovery"][1] for rep in reps)
    return won / (won + lost)


TRUE_WIN_RATE = compute_win_rate(*REPS)
"""Long-run won / (won + lost) of all deals of the simulated team."""

TRUE_WIN_RATES: Mapping[str, float] = {rep.name: compute_win_rate(rep) for rep in REPS}
"""The same for each rep, by `owner_name`."""

TRUE_STAGE_RATES: Mapping[str, float] = {stage: compute_outcomes(1.0)[stage][0] for stage in NEXT}
"""Chance that an open deal of an average rep is eventually won, by its current stage. A disqualified or deleted deal is not won."""
