from opp_analytics.analysis import movements, waterfall
from tests.analysis.movement.pipelines import ALL


def test_movements__sum_to_the_waterfall(history):
    moved = movements(history, **ALL).groupby("movement")["value"].sum().round(2)
    table = waterfall(history, **ALL)["value"].drop(["opening", "closing"]).round(2)
    assert moved[moved != 0].to_dict() == table[table != 0].to_dict()
