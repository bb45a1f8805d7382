"""Currencies: the org's rates, values converted at them, and the CRM's own amounts beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.arrays import Series
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.schema import TEXT

CURRENCY = "currency"
"""Column with the currency of a deal's value."""
VALUE_ORIGINAL = "value_original"
"""Column with the CRM's amount, in that currency; ``value`` is then in the org's."""
OLD_DAYS = 30
"""A rate is old this many days after its date: files of rates are kept by the day, week or
month."""


def read_codes(column: Series) -> Series:
    """Read the codes of a column of currencies; a blank one is missing."""
    codes = column.astype(TEXT).str.strip()
    return codes.where(codes != "")


def look_up_rates(rates: pd.DataFrame, codes: Series, days: Series) -> pd.DataFrame:
    """Look up the last rate of each code by its day, else its first one: ``rate`` and its ``date``.

    Missing without any.
    """
    asked = pd.DataFrame(
        {"currency": codes.astype(TEXT).array, "day": days.astype("datetime64[us]").array}
    )
    asked["row"] = np.arange(len(asked))
    dated = rates.assign(day=rates["date"])
    matched = pd.merge_asof(
        asked.dropna().sort_values("day", kind="stable"), dated, on="day", by="currency"
    ).set_index("row")
    matched = matched[["rate", "date"]].reindex(asked["row"])
    first = rates.drop_duplicates("currency").set_index("currency").reindex(asked["currency"])
    filled = {
        name: matched[name].fillna(first[name].set_axis(matched.index)) for name in matched.columns
    }
    return pd.DataFrame(filled).set_axis(codes.index)


def convert_values(
    frame: pd.DataFrame,
    rates: pd.DataFrame,
    days: Series,
    *,
    home: str,
    file: str,
    gained: bool,
) -> pd.DataFrame:
    """Convert ``value`` to the org's currency, `home`, each deal at the rate of its own day.

    ``value_original`` stays beside it.

    A row without a currency is in the org's. A frame that `gained` the column before is converted
    from it anew.
    """
    codes = read_codes(frame[CURRENCY])
    foreign = codes.notna() & (codes != home)
    value = frame["value"].astype("float64")
    original = frame[VALUE_ORIGINAL].astype("float64") if VALUE_ORIGINAL in frame else value
    if VALUE_ORIGINAL in frame and not gained and not original[~foreign].equals(value[~foreign]):
        raise DataError(
            f"the frame has a column {VALUE_ORIGINAL!r} of its own, which [currency_rates] of "
            "the org gives; rename it in the "
            f"org file, under [columns] or [api.columns]: {VALUE_ORIGINAL} = "
            f'"{VALUE_ORIGINAL}_in_crm", or drop it'
        )
    looked_up = look_up_rates(rates, codes[foreign], days[foreign])
    lacking = codes[foreign][looked_up["rate"].isna()]
    if len(lacking):
        ids = frame.loc[lacking.index, "unique_id"].tolist() if "unique_id" in frame else []
        refuse_lacking(lacking.value_counts(), home=home, file=file, deals=ids)
    warn_of_dates(codes[foreign], days[foreign], looked_up["date"], file)
    converted = (original[foreign] * looked_up["rate"]).fillna(value[foreign])
    return frame.assign(
        value=value.where(~foreign, converted.reindex(value.index)),
        **{VALUE_ORIGINAL: original.where(foreign | original.notna(), value)},
    )


def refuse_lacking(counts: Series, *, home: str, file: str, deals: list[Any]) -> None:
    """Raise the error about currencies without a rate; `counts` has the rows by currency."""
    lacking = text.joined(
        [f"{text.count(int(rows))} in {code}" for code, rows in counts.items()], most=5
    )
    which = f" ({text.joined(deals, most=3)})" if deals else ""
    codes = text.joined([str(code) for code in counts.index], most=5)
    raise DataError(
        f"{lacking}{which}: {file} has no rate of {codes}; add one: date, currency, and what one "
        f"unit is in {home}"
    )


def warn_of_dates(codes: Series, days: Series, dated: Series, file: str) -> None:
    """Warn of rates that are over 30 days older than needed, or later.

    A later rate is used if there is no earlier one.
    """
    lag = (days - dated).dt.days
    old, early = (text.joined(sorted(codes[far].unique())) for far in (lag > OLD_DAYS, lag < 0))
    parts = [
        *([f"rates of {old} are over {OLD_DAYS} days older than the days of deals"] if old else []),
        *([f"first rates of {early} are used for days before them"] if early else []),
    ]
    if parts:
        DataWarning.warn(f"{file}: {'; '.join(parts)}. Add the rates of those days")


class HeldRates:
    """The rates at which a frame's values were converted, by id and by currency.

    The org's own currency, `home`, has rate 1.
    """

    def __init__(self, frame: pd.DataFrame, home: str | None, known: pd.DataFrame) -> None:
        codes = (
            read_codes(frame[CURRENCY]) if CURRENCY in frame else pd.Series(None, frame.index, TEXT)
        )
        original = frame[VALUE_ORIGINAL].astype("float64")
        rates = frame["value"].astype("float64") / original.mask(original == 0)
        self._home = home
        self._codes = dict(zip(frame["unique_id"], codes.fillna(str(home)), strict=True))
        self._rates = dict(zip(frame["unique_id"], rates, strict=True))
        newest = known.groupby("currency")["rate"].last()
        self._newest = rates.groupby(codes).last().combine_first(newest).to_dict()

    def code(self, unique_id: Any, edited: Any = None) -> str:
        """Find the currency of a deal: the `edited` one, else the one it has.

        The org's without any.
        """
        return str(edited or self._codes.get(unique_id) or self._home)

    def rate(self, unique_id: Any, edited: Any = None) -> float:
        """Find a deal's rate: one unit of its currency in the org's.

        NaN where no deal and no rate tells.
        """
        code = self.code(unique_id, edited)
        own = self._rates.get(unique_id) if code == self._codes.get(unique_id) else None
        if code == self._home:
            return 1.0
        return float(self._newest.get(code, np.nan) if own is None or np.isnan(own) else own)


def restore_values(frame: pd.DataFrame, home: str | None) -> pd.DataFrame:
    """Give a converted frame the CRM's values again, without ``value_original``.

    A value in the org's currency stays.
    """
    if "value" not in frame:
        return frame.rename(columns={VALUE_ORIGINAL: "value"})
    codes = read_codes(frame[CURRENCY]) if CURRENCY in frame else pd.Series("?", index=frame.index)
    own = codes.isna() | (codes == home)
    return frame.assign(value=frame["value"].where(own, frame[VALUE_ORIGINAL])).drop(
        columns=VALUE_ORIGINAL
    )
