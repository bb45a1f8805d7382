"""The meaning of an organization's data: stages, outcomes, calendar, currency, people.

Targets are part of it.
"""

from opp_analytics.org.add_call import add_call
from opp_analytics.org.calls import (
    calls,
    calls_known,
    find_called_period,
    find_strangers,
    leave_strangers_out,
    write_in_force,
)
from opp_analytics.org.conditions import (
    Comparison,
    Condition,
    check_template,
    read_condition,
    read_conditions,
    read_figures,
)
from opp_analytics.org.conform import check_frame, stage_dtype, status_dtype
from opp_analytics.org.draft_file import OrgDraft, add_columns, draft_org, find_empty_columns
from opp_analytics.org.frame import (
    check_currency,
    check_stages,
    close_by,
    conform,
    empty,
    find_day,
    find_known_day,
    find_newest_date,
    find_old_date,
    is_converted,
    make_column_error,
    mark_foreign,
    outcome_codes,
    outcomes,
    place_teams,
    refuse_currencies,
    refuse_repeated,
    require,
    shows_nothing_later,
    split_by,
    warn_unknown,
)
from opp_analytics.org.guess_stages import CLOSED, tell_kind
from opp_analytics.org.joins import LAST_TOUCH, Join, refuse_own
from opp_analytics.org.links import record_link
from opp_analytics.org.org import (
    DEFAULT,
    FILE,
    Money,
    Org,
    check_org,
    day_of,
    get_org,
    merge_orgs,
    money_of,
    parse_org,
    read_folder_org,
)
from opp_analytics.org.people import (
    CALL_KEY,
    DERIVED,
    find_teams,
    list_derived,
    list_stays,
    mask_in_force,
)
from opp_analytics.org.place_targets import find_org_of_targets, place_targets
from opp_analytics.org.presets import (
    COLUMN_WORDS,
    LIKELY,
    PRESETS,
    TABLE_LABELS,
    Columns,
    find_periods,
    list_names,
    list_spellings,
    map_labels,
    name_table,
    rank_label,
    spell,
)
from opp_analytics.org.rates import (
    CURRENCY,
    VALUE_ORIGINAL,
    look_up_rates,
    read_codes,
    refuse_lacking,
    warn_of_dates,
)
from opp_analytics.org.stages import (
    CONFLICT,
    DISQUALIFIED,
    KINDS,
    LOST,
    NOT_RECORDED,
    OPEN,
    OUTCOMES,
    PIPELINE,
    STAGES,
    UNKNOWN,
    WON,
    Kind,
    Stage,
    Stages,
    list_probabilities,
    rank_open,
)
from opp_analytics.org.update_file import Tables
