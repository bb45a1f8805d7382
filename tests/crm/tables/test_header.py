from opp_analytics.crm.tables.header import header_place, labels_of, score

KNOWN = {"Stage", "Amount", "Close Date"}.__contains__


def test_header_place__is_the_first_of_the_rows_with_the_most_labels() -> None:
    rows = [["Amount report"], [], ["Filter", "Stage"], ["Stage", "Amount"], ["Stage", "Amount"]]
    assert header_place(rows, KNOWN) == 3


def test_header_place__without_known_labels_is_the_first_row_with_text() -> None:
    assert header_place([[None, ""], ["a", "b"], ["c", "d"]], KNOWN) == 1
    assert header_place([], KNOWN) == 0


def test_labels_of__and_their_score() -> None:
    assert labels_of([" Stage ", None, 5, "", None]) == ("Stage", "", "5")
    assert score(["Stage", "x", " Amount"], KNOWN) == (2, 3)
