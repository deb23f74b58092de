"""The `xmit` command. Each command's module is imported when it is called: start-up stays quick."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from xmit_pipeline.model.outcomes import UnknownPolicy

app = typer.Typer(
    help="Drip campaigns on Dagster and DuckDB.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)
app.add_typer(keys, name="keys")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def up(
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the demo's store and mail.")] = False,
    dagster_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the Dagster UI.")] = 3000,
    api_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the REST API.")] = 8000,
    sandbox_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the sandbox.")] = 8025,
) -> None:
    """Start Dagster (UI, daemon, schedule on), the API, and without a SendGrid key the sandbox. Ctrl-C ends all."""
    from xmit_pipeline.cli.up import run_up

    run_up(demo=demo, dagster_port=dagster_port, api_port=api_port, sandbox_port=sandbox_port)


@app.command()
def tick(
    *,
    now: Annotated[
        str | None,
        typer.Option(help="Simulate this moment (ISO 8601); far off the clock only with a sandbox."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run one tick through the Dagster job, in this process, and print what it did."""
    from xmit_pipeline.cli.tick import run_one_tick

    run_one_tick(now, as_json=as_json)


@app.command("import")
def import_contacts(
    file: Annotated[Path, typer.Argument(help="A CSV or Parquet file.")],
    list_name: Annotated[
        str | None, typer.Option("--list", help="Put them on this list; it is made if missing.")
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="column=field; repeat for more. field - leaves a column out."),
    ] = None,
) -> None:
    """Import contacts; whoever is new on a list is enrolled in its active sequences."""
    from xmit_pipeline.cli.imports import run_import

    run_import(file, list_name, mapping or [])


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One read-only query.")],
    *,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Ask the store one read-only question, under its lock."""
    from xmit_pipeline.cli.sql import run_sql

    run_sql(query, as_json=as_json, as_csv=as_csv)


@app.command()
def demo() -> None:
    """Run the bundled campaign in simulated time that ends at the present minute, into the sandbox."""
    from xmit_pipeline.cli.demo import run_demo

    run_demo()


@app.command()
def sandbox(
    host: Host = "127.0.0.1",
    port: Port = 8025,
    *,
    webhook: Annotated[
        str | None, typer.Option(help="Post events there: the API's /webhooks/sendgrid.")
    ] = None,
    people: Annotated[
        bool, typer.Option("--people", help="Mail has readers: opens, clicks, bounces.")
    ] = False,
) -> None:
    """Serve the sandbox alone: a SendGrid-shaped server that keeps the mail for reading."""
    from xmit_pipeline.cli.console import err
    from xmit_pipeline.model.settings import read_settings
    from xmit_pipeline.sandbox.server import serve

    folder = read_settings().home / "sandbox"
    err.print(f"The sandbox takes mail at http://{host}:{port} and keeps it in {folder}; Ctrl-C ends it.")
    serve(host=host, port=port, folder=folder, webhook=webhook, people=people)


@app.command()
def api(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Serve the dashboard and the REST API."""
    from xmit_pipeline.api.server import serve
    from xmit_pipeline.cli.opened import opened_store
    from xmit_pipeline.dashboard.site import create_site

    with opened_store() as (store, _), store.snapshot():
        pass  # a store that can't be used is refused before anybody can call
    if not serve(host=host, port=port, create=create_site):
        os._exit(0)  # what is under way survives that, as it does a kill


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="A YAML file; docs/sequences-as-code.md says what it holds.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Change without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference alone.")] = False,
) -> None:
    """Create or update domains, senders, lists and sequences from a file; the difference comes first."""
    from xmit_pipeline.cli.apply import run_apply

    run_apply(file, yes=yes, dry_run=dry_run)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write; standard output without it.")] = None,
) -> None:
    """Write what is in the store as a file for `xmit apply`."""
    from xmit_pipeline.cli.export import run_export

    run_export(file)


@app.command()
def explain(
    enrollment: Annotated[str, typer.Argument(help="An enrollment's id (enr_...), or a person's address.")],
    *,
    as_json: Json = False,
) -> None:
    """Why this person has or has not got the next step, from facts."""
    from xmit_pipeline.cli.explain import run_explain

    run_explain(enrollment, as_json=as_json)


@app.command()
def unknown(
    *,
    settle: Annotated[
        UnknownPolicy | None, typer.Option(help="What shall become of them, or of --request, now.")
    ] = None,
    request: Annotated[str | None, typer.Option(help="One request (req_...); all without it.")] = None,
) -> None:
    """What left and was never answered, and what shall become of it."""
    from xmit_pipeline.cli.unknown import run_unknown

    run_unknown(settle, request)


@app.command()
def forecast(
    sequence: Annotated[str, typer.Argument(help="A sequence's id or name, draft or live.")],
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="When it begins (ISO 8601); now without it.")
    ] = None,
    days: Annotated[int, typer.Option(help="UTC days to play, the first one included.")] = 30,
    enroll_list: Annotated[
        str | None, typer.Option("--enroll-list", help="As if this list's members were enrolled.")
    ] = None,
    at_rate: Annotated[
        str | None, typer.Option("--at-rate", help="So many a day (500/day): of the list, else new people.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What would be sent when, under the quotas; nothing is sent or changed."""
    from xmit_pipeline.cli.forecast import run_forecast

    run_forecast(sequence, start=start, days=days, enroll_list=enroll_list, at_rate=at_rate, as_json=as_json)


@app.command()
def backfill(
    sequence: Annotated[str, typer.Argument(help="An active sequence's id or name.")],
    from_month: Annotated[str, typer.Argument(help="The first month, such as 2024-11.")],
    to_month: Annotated[str, typer.Argument(help="The last month.")],
    *,
    quiet_days: Annotated[int, typer.Option(min=1, help="Dormant is who was silent for so long.")] = 90,
    where: Annotated[str, typer.Option(help="One SQL condition on contacts, beside.")] = "",
    last_engaged_field: Annotated[
        str, typer.Option(help="A metadata key with the date of the last open that another platform knew of.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count alone; enroll nobody.")] = False,
) -> None:
    """Enroll those who fell silent in these months, through Dagster; the tick sends to them."""
    from xmit_pipeline.cli.backfill import run_backfill

    run_backfill(
        sequence, from_month, to_month,
        quiet_days=quiet_days, where=where, field=last_engaged_field, dry_run=dry_run,
    )  # fmt: skip


@app.command()
def reconcile() -> None:
    """Take a restored store, or a corrected clock, back into service."""
    from xmit_pipeline.cli.reconcile import run_reconcile

    run_reconcile()


@app.command("setup-sendgrid")
def setup_sendgrid(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Create the event webhook at SendGrid, turn its signature on, and check senders and domains."""
    from xmit_pipeline.cli.setup_sendgrid import run_setup

    run_setup(dry_run=dry_run)


@app.command()
def replay(
    first: Annotated[str, typer.Option("--from", help="The first UTC day, such as 2026-03-02.")],
    last: Annotated[str, typer.Option("--to", help="The last one.")],
) -> None:
    """Rebuild the events of these days, and their figures, from the archive."""
    from xmit_pipeline.cli.replay import run_replay

    run_replay(first, last)


@app.command()
def doctor() -> None:
    """What runs, what is reachable, what is misconfigured, what is stuck, each with what to do."""
    from xmit_pipeline.cli.doctor import run_doctor

    run_doctor()


@keys.command("create")
def keys_create(
    name: str,
    scope: Annotated[str, typer.Option(help="`full`: everything; `read`: look only.")] = "full",
) -> None:
    """Make a key; it is printed once, alone on the last line."""
    from xmit_pipeline.cli.keys import create

    create(name, scope)


@keys.command("list")
def keys_list() -> None:
    """Show all keys, without their secret part."""
    from xmit_pipeline.cli.keys import show

    show()


@keys.command("revoke")
def keys_revoke(
    name: Annotated[str, typer.Argument(help="The key's name, or its first characters.")],
) -> None:
    """Revoke a key; it stops working at once."""
    from xmit_pipeline.cli.keys import revoke

    revoke(name)


def main() -> None:
    """Run the command; whatever goes wrong is a sentence and exit code 1, never a traceback."""
    try:
        app(prog_name="xmit")
    except Exception as error:
        from xmit_pipeline.cli.failures import sentence_for

        typer.secho(f"xmit: {sentence_for(error)}", err=True, fg=typer.colors.RED)
        sys.exit(1)
