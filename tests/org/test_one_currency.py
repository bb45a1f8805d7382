"""One currency: others are refused with the lines that convert, and none is shown where none is declared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa

EUR = oa.Org(currency="EUR")


def deals(*currencies: str | None) -> pd.DataFrame:
    rows = [(f"o{k}", 100.0, code) for k, code in enumerate(currencies)]
    frame = pd.DataFrame(rows, columns=["unique_id", "value", "currency"])
    return frame.assign(
        name=frame["unique_id"], stage="proposal", close_date="2026-11-30", probability=50, status="active"
    )


def lines_of(error: pytest.ExceptionInfo[oa.errors.DataError]) -> str:
    return "\n".join(line.strip() for line in str(error.value).splitlines()[1:])


def test_frame__of_another_currency_is_refused_with_the_lines_that_convert() -> None:
    opportunities = EUR.apply(deals("EUR", "USD", None, "USD", ""))
    with pytest.raises(
        oa.errors.DataError, match=r"there are 2 deals in USD \(o1 and o3\), and amounts are summed in EUR"
    ) as error:
        oa.stage_funnel(opportunities)
    said = lines_of(error)
    assert 'rates = {"USD": 1.0}  # EUR for one of each' in said
    names = {"opportunities": opportunities}
    exec(said.replace("1.0", "0.5"), names)
    assert oa.stage_funnel(names["opportunities"]).loc["proposal", "open_value"] == 400.0


@pytest.mark.parametrize(
    "analysis",
    [
        lambda frame: oa.win_rate(frame),
        lambda frame: oa.forecast(frame, as_of="2026-11-01"),
        lambda frame: oa.deal_flags(frame, as_of="2026-11-01"),
        lambda frame: oa.velocity(frame.assign(created_at="2026-01-01"), as_of="2026-11-01"),
    ],
)
def test_frame__of_two_currencies_is_refused_also_where_none_is_declared(analysis) -> None:
    with pytest.raises(oa.errors.DataError, match="1 deal in USD .*summed in EUR"):
        analysis(deals("EUR", "EUR", "USD"))


def test_frame__can_be_loaded_audited_and_edited_in_two_currencies() -> None:
    frame = EUR.apply(deals("EUR", "USD"))
    assert oa.outcomes(frame).tolist() == ["open", "open"]
    oa.audit(
        frame.assign(account_id="x", created_at="2026-01-01", updated_at="2026-01-01"), as_of="2026-11-01"
    )
    assert len(oa.plan(frame, frame.assign(value=1.0))) == 2


def test_history__of_two_currencies_is_refused_with_lines_that_make_one() -> None:
    log = pd.concat([deals("EUR", "USD").assign(seen_at=day) for day in ("2026-11-02", "2026-11-09")])
    history = oa.History.from_changes(log, org=EUR)
    with pytest.raises(oa.errors.DataError, match="1 deal in USD, and amounts are summed in EUR") as error:
        oa.waterfall(history, start="2026-11-02T12:00Z", end="2026-11-09")
    names: dict[str, Any] = {"history": history, "oa": oa}
    exec(lines_of(error), names)
    table = oa.waterfall(names["history"], start="2026-11-02T12:00Z", end="2026-11-09")
    assert table["value"]["opening"] == 200.0
    # Stages alone are no matter of currency.
    oa.transitions(history)


SIGN = re.compile(r"[$€£¥]\s?\d|\b(USD|EUR)\b")


def test_no_currency__no_sign_on_page_chart_or_in_a_sentence(tmp_path: Path) -> None:
    frame = deals("EUR", "EUR").drop(columns="currency").assign(owner_name="Ann")
    table = oa.forecast(frame, as_of="2026-11-01", method="stated", target=500.0)
    funnel = oa.stage_funnel(frame)
    said = [oa.sentence(table), oa.sentence(funnel)]
    for drawn in (oa.plots.forecast(table), oa.plots.stage_funnel(funnel)):
        figure = drawn.get_figure(root=True)
        assert figure is not None
        figure.canvas.draw()
        said += [t.get_text() for t in figure.findobj(lambda artist: hasattr(artist, "get_text"))]  # type: ignore[attr-defined]
    page = oa.weekly_report(frame, as_of="2026-11-01", out=tmp_path, target=500.0).html.read_text()
    visible = re.sub(r"<(style|script)\b.*?</\1>|<[^>]+>", " ", page, flags=re.S)
    assert [found[0] for text in [*said, visible] if (found := SIGN.search(text))] == []
    # With one declared, the sign is there.
    assert SIGN.search(oa.sentence(oa.stage_funnel(EUR.apply(frame))))
