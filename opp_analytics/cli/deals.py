"""The commands for single opportunities.

What they write goes through a plan and the journal, as every edit.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

import opp_analytics as oa
from opp_analytics.cli import source
from opp_analytics.cli.app import runs
from opp_analytics.cli.edit import DryRun, Yes
from opp_analytics.cli.output import answer, with_tables

if runs():
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from opp_analytics import inputs, schema, text
    from opp_analytics.api import assemble, rows_to_table
    from opp_analytics.cli.console import heading, note, say, show
    from opp_analytics.cli.edit import apply_plan
    from opp_analytics.errors import DataError, NotFoundError, PlanError
    from opp_analytics.writer import edit_typed

_TRASH = "`opp-analytics search --deleted TEXT`"
_Id = Annotated[str, typer.Argument(metavar="ID", help="The opportunity's unique_id.")]
_Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="unique_id of each opportunity.")]
_Fields = Annotated[
    list[str],
    typer.Argument(
        metavar="FIELD=VALUE…",
        help="Typed as in a spreadsheet: value=45k, close_date=12/31/2026; stage= clears.",
    ),
]
_Page = Annotated[int, typer.Option(help="Number of the page.")]
_PageSize = Annotated[int | None, typer.Option(help="Rows asked for.", show_default="the server's")]


@with_tables()
def get_command(unique_id: _Id, org_file: source.OrgFile = None) -> None:
    """Show one opportunity with all its attributes."""
    deal = _read_deals(_connect(org_file), [unique_id])
    lines = [(str(name), deal[name].iloc[0]) for name in deal]
    show(
        pd.DataFrame(lines, columns=["field", "value"], dtype="object").dropna(),
        index=False,
        most=len(lines),
    )
    answer(deal)


@with_tables()
def search_command(
    words: Annotated[str, typer.Argument(metavar="TEXT", help="What the server is to look for.")],
    page: _Page = 1,
    page_size: _PageSize = None,
    sort: Annotated[
        str | None, typer.Option(help="An attribute; a leading minus sorts descending.")
    ] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Look in the trash.")] = False,
    org_file: source.OrgFile = None,
) -> None:
    """List the opportunities that match a text, as the server decides, a page at a time."""
    client = _connect(org_file)
    options: dict[str, Any] = {"page": page, "page_size": page_size, "sort": sort}
    found = (
        client.list_deleted(search=words, **options) if deleted else client.search(words, **options)
    )
    deals = _make_frame(client, found.rows)
    if deals.empty:
        where = "" if page == 1 else f"on page {page} "
        say(f"No opportunity {'in the trash ' if deleted else ''}{where}matches {words!r}.")
    else:
        of = (
            ""
            if found.total_records is None
            else f" of {text.count(found.total_records, 'opportunity')}"
        )
        heading(f"{len(deals):,}{of}", f"page {found.page} of {found.total_pages or '?'}")
        shown = ("unique_id", "name", "owner_name", "value", "stage", "close_date", "probability")
        show(
            deals[[name for name in shown if name in deals]],
            index=False,
            most=len(deals),
            compact=False,
        )
    answer(deals)


@with_tables(out=())
def create_command(
    fields: _Fields, yes: Yes = False, dry_run: DryRun = False, org_file: source.OrgFile = None
) -> None:
    """Create an opportunity, after a look at what would be sent."""
    client = _connect(org_file)
    # What a tenant calls its attributes shows in any of its opportunities.
    known = _make_frame(client, client.list(1, 1).rows).iloc[:0]
    _send(client, known, edit_typed(known, _read_fields(fields, known)), yes=yes, dry_run=dry_run)


@with_tables(out=())
def update_command(
    unique_id: _Id,
    fields: _Fields,
    yes: Yes = False,
    dry_run: DryRun = False,
    org_file: source.OrgFile = None,
) -> None:
    """Change some attributes of an opportunity, after a look at old and new."""
    client = _connect(org_file)
    before = _read_deals(client, [unique_id])
    after = edit_typed(before, _read_fields(fields, before))
    _send(client, before, after, yes=yes, dry_run=dry_run)


@with_tables(out=())
def delete_command(
    ids: _Ids, yes: Yes = False, dry_run: DryRun = False, org_file: source.OrgFile = None
) -> None:
    """Move opportunities to the trash, from where `recover` brings them back."""
    client = _connect(org_file)
    before = _read_deals(client, ids)
    _send(client, before, before.iloc[:0], yes=yes, dry_run=dry_run)


@with_tables(out=())
def recover_command(
    ids: _Ids, yes: Yes = False, dry_run: DryRun = False, org_file: source.OrgFile = None
) -> None:
    """Bring deleted opportunities back from the trash."""
    client = _connect(org_file)
    wanted = _make_frame(client, [{"unique_id": unique_id} for unique_id in dict.fromkeys(ids)])
    _send(client, wanted.iloc[:0], wanted, yes=yes, dry_run=dry_run)


def _connect(org_file: Any) -> oa.Client:
    return oa.Client.from_env(org=source.find_org(org_file))


def _make_frame(client: oa.Client, rows: Sequence[Any]) -> pd.DataFrame:
    frame = assemble(rows_to_table(rows))
    return frame if client.org is None else client.org.apply(frame)


def _read_deals(client: oa.Client, ids: Iterable[str]) -> pd.DataFrame:
    return _make_frame(client, [_read_deal(client, unique_id) for unique_id in dict.fromkeys(ids)])


def _read_deal(client: oa.Client, unique_id: str) -> Any:
    try:
        return client.get(unique_id)
    except NotFoundError as error:
        raise DataError(
            f"no opportunity {unique_id!r}: {error} `opp-analytics search TEXT` lists those "
            "there are, "
            f"{_TRASH} those in the trash"
        ) from error


def _read_fields(fields: Iterable[str], known: pd.DataFrame) -> dict[str, str]:
    """Read FIELD=VALUE arguments.

    A field that the opportunities do not have is refused with a near one.
    """
    typed: dict[str, str] = {}
    for field in fields:
        name, sign, value = field.partition("=")
        if not sign:
            raise DataError(f"{field!r} is not FIELD=VALUE; write for example stage=proposal")
        column = inputs.match_name(name, list(map(str, known)))
        if column is None:
            hint = inputs.did_you_mean(name, list(map(str, known)))
            raise DataError(
                f"opportunities here have no field {name!r}; "
                f"{hint or 'they have ' + ', '.join(map(str, known))}"
            )
        if column in schema.READ_ONLY:
            raise DataError(f"{column} is set by the server; leave it out")
        if column in typed:
            raise DataError(f"{column} is given twice; leave one out")
        typed[column] = value
    return typed


def _send(
    client: oa.Client, before: pd.DataFrame, after: pd.DataFrame, *, yes: bool, dry_run: bool
) -> None:
    made = oa.plan(before, after, client=client)
    if made.found_problems:
        answer(made.problems)
        raise PlanError(
            "\n  ".join(
                f"{problem.unique_id!r} is not in the trash; {_TRASH} lists what is"
                if problem.field == "unique_id"
                else problem.said
                for problem in made.found_problems
            )
        )
    if not len(made):
        note("Nothing to send: the server has these values already.")
        answer(made.changes)
        return
    # To clear a field, or to delete, is what the words of the command say.
    apply_plan(made, client, {"clear_nulls": True, "allow_delete": True}, yes=yes, dry_run=dry_run)
