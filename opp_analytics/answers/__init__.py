"""Each question that people ask of a pipeline, answered once for every surface."""

from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.act_today import act_today, name_action
from opp_analytics.answers.alerts import (
    Alert,
    Watched,
    alerts,
    fold_alerts,
    judge_alerts,
)
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.as_html import draw, draw_rows, write_page
from opp_analytics.answers.as_text import (
    explain_figure,
    say_lack,
    write_cells,
    write_figure,
    write_lack,
)
from opp_analytics.answers.at_risk import at_risk
from opp_analytics.answers.calls import calls
from opp_analytics.answers.catalog import CATALOG, Look, Question, ask, ask_together, questions
from opp_analytics.answers.categories import categories
from opp_analytics.answers.context import Context, Part, check_for_each, read_context
from opp_analytics.answers.coverage import coverage
from opp_analytics.answers.data import Figure, Lack, Row, Table, is_news
from opp_analytics.answers.data_to_fix import data_to_fix
from opp_analytics.answers.deal import (
    explain_deal,
    find_expected,
    list_activity,
    list_closed,
    list_deals,
    list_due,
    list_expected,
    name_new_business,
)
from opp_analytics.answers.deals import deals, list_all
from opp_analytics.answers.impact import Impact, impact
from opp_analytics.answers.months import months
from opp_analytics.answers.past_ranges import past_ranges
from opp_analytics.answers.people import people
from opp_analytics.answers.pipeline_created import pipeline_created
from opp_analytics.answers.proof import proof
from opp_analytics.answers.scorecard import scorecard
from opp_analytics.answers.slippage import slippage
from opp_analytics.answers.stages import stages
from opp_analytics.answers.tables import CLOSED_AS
from opp_analytics.answers.trend import trend
from opp_analytics.answers.why_it_moved import why_it_moved
from opp_analytics.answers.will_we_make_it import say_most_to_go, say_whether, will_we_make_it
from opp_analytics.answers.win_rates import win_rates
