"""Lists that never end."""

import pytest

from opp_analytics import sandbox
from tests.sandbox.callers import ROWS, Caller


@pytest.mark.parametrize("sort", ["created_at", "-updated_at"])
def test_fill_page__is_full_sorted_and_new_on_every_page(
    faults: sandbox.FaultSettings, api: Caller, sort: str
) -> None:
    faults.endless = True
    rows, totals = [], []
    for page in (1, 2, 3, 40):
        answer = api("GET", "/opportunities", params={"page": page, "records": 4, "sort": sort}).json()
        assert len(answer["data"]) == 4
        assert answer["meta"]["totalPages"] > page
        rows += [row["attributes"] for row in answer["data"]]
        totals.append(answer["meta"]["totalRecords"])
    assert totals == sorted(set(totals))
    ids = [row["unique_id"] for row in rows]
    assert len(set(ids)) == 16
    assert set(ids[: len(ROWS)]) == {row["unique_id"] for row in ROWS}
    stamps = [row[sort.removeprefix("-")] for row in rows]
    assert stamps == sorted(stamps, reverse=sort.startswith("-"))


def test_fill_page__grows_the_total_of_a_page_asked_again(faults: sandbox.FaultSettings, api: Caller) -> None:
    faults.endless = True
    first, second = (api("GET", "/opportunities").json()["meta"] for _ in range(2))
    assert second["totalRecords"] > first["totalRecords"] > len(ROWS)


def test_fill_page__begins_anew_when_the_fault_is_switched_on_again(
    faults: sandbox.FaultSettings, api: Caller
) -> None:
    totals = []
    for _ in range(2):
        faults.endless = True
        totals.append([api("GET", "/opportunities").json()["meta"]["totalRecords"] for _ in range(3)])
        faults.endless = False
    assert totals[0] == totals[1]


def test_fill_page__makes_up_a_trash_that_is_empty(faults: sandbox.FaultSettings, api: Caller) -> None:
    faults.endless = True
    first = api("GET", "/opportunities/trash/show?records=3").json()["data"]
    second = api("GET", "/opportunities/trash/show?records=3&page=2").json()["data"]
    assert len({row["id"] for row in first + second}) == 6
    faults.reset()
    assert api.trash() == []
