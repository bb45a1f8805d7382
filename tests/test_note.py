"""The note of a result table: shared by its copies, plain to whoever reads a file of it."""

from __future__ import annotations

import json
import pickle

import pandas as pd

from opp_analytics.note import KEY, TableNote, note_of


def test_write__is_shared_by_copies_and_plain_in_a_pickle():
    note = TableNote("forecast", "2026-03-16", figures={"n": 3})
    table = note.write(pd.DataFrame({"x": [1, 2]}))
    assert table.copy().head(1).attrs[KEY] is table.attrs[KEY]
    again = pickle.loads(pickle.dumps(table))
    assert type(again.attrs[KEY]) is dict
    assert note_of(again) == note == note_of(table)
    assert json.loads(json.dumps(table.attrs))[KEY] == note.to_dict()


def test_change__of_a_copy_leaves_the_note_of_the_table():
    table = TableNote("forecast", figures={"n": 3}).write(pd.DataFrame({"x": [1, 2]}))
    copy = note_of(table).change(n=1).write(table.head(1))
    assert (note_of(copy).figures, note_of(table).figures) == ({"n": 1}, {"n": 3})
