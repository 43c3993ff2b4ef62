"""``record-bot audit``: verify, export, archive and hold the audit trail."""
# ruff: noqa: PLC0415

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import event_loop
from bot.cli.login import login_name
from bot.config import settings as config
from bot.observability import logging as log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from bot.audit.verification import Verifier

audit = typer.Typer(help="The audit trail: verify it, export it.", no_args_is_help=True)


@audit.command("verify")
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="An exported JSONL file; without it, the database.", exists=True, dir_okay=False, show_default=False
        ),
    ] = None,
    head: Annotated[str | None, typer.Option(help="A hash that has to be in the chain.")] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(help="Numbers and hashes that have to be in the chain, a line each.", exists=True, dir_okay=False),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help="The directory of the archive, to check it and the database as one.", exists=True, file_okay=False
        ),
    ] = None,
) -> None:
    """Check the whole chain; exit 0 intact, 1 broken, with the first bad entry."""
    from bot.admin.audit import verify_database, verify_file

    if file is not None and archive is not None:
        raise typer.BadParameter("it goes with the database, not with a file", param_hint="--archive")
    log.configure(level="error")
    verifier = _verifier(head, anchors)
    with bar("Verifying") as progress:
        if file is not None:
            verdict = verify_file(file, verifier, progress)
        else:
            settings = config.load(config.DatabaseSettings)
            verdict = event_loop.run(verify_database(settings, verifier, progress, archive=archive))
    typer.echo(verdict.text, err=not verdict.ok)
    raise typer.Exit(0 if verdict.ok else 1)


@audit.command("export")
def export(
    format_: Annotated[str, typer.Option("--format", help="jsonl or csv.")] = "jsonl",
    since: Annotated[str | None, typer.Option(help="From this time on: 2026-01-31, or 2026-01-31T08:00 (UTC).")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    conversation: Annotated[str | None, typer.Option(help="Only this call's.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only this actor's, for example slack:T…:U….")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action's, for example recording:start.")] = None,
    phase: Annotated[str | None, typer.Option(help="Only this phase, for example denied.")] = None,
    names: Annotated[  # noqa: FBT002  Typer passes the value by name
        bool, typer.Option("--names", help="CSV for people: names of agents and queues, notes, and local times.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="Write to this new file, and its SHA-256 beside it.")] = None,
) -> None:
    """Write entries as JSON lines or CSV; that this was done is in the trail."""
    from bot.admin.audit import Export
    from bot.audit.export import Filter

    if format_ not in {"jsonl", "csv"}:
        raise typer.BadParameter("it must be jsonl or csv", param_hint="--format")
    if names and format_ != "csv":
        raise typer.BadParameter("it goes with --format csv; JSON lines hold ids only", param_hint="--names")
    log.configure(level="error")
    wanted = Filter(
        since=_written(since, "--since"),
        until=_written(until, "--until"),
        conversation_id=conversation and conversation.lower(),
        actor=actor,
        action=action,
        phase=phase,
    )
    job = Export(
        config.load(config.DatabaseSettings), f"cli:{login_name()}", wanted, format_, output, _zone() if names else None
    )
    with bar("Exporting") as progress:
        sentence = event_loop.run(job.run(progress))
    typer.echo(sentence, err=output is None)


def _zone() -> ZoneInfo:
    """Return the time zone in which the bot shows days (AUDIT_DIGEST_ZONE)."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(config.load(config.DigestSettings).audit_digest_zone)


def _verifier(head: str | None, anchors: Path | None) -> Verifier:
    from bot.audit.verification import Verifier, read_anchors

    try:
        wanted = read_anchors(anchors.read_text().splitlines()) if anchors is not None else {}
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--anchors") from None
    if head is not None:
        if not re.fullmatch(r"[0-9a-fA-F]{64}", head):
            raise typer.BadParameter("it must be a whole hash, 64 hexadecimal digits", param_hint="--head")
        wanted.setdefault(head.lower(), None)
    return Verifier(wanted=wanted)


def _written(typed: str | None, name: str) -> str | None:
    from bot.audit.entry import timestamp

    return None if typed is None else timestamp(moment(typed, name))


def moment(typed: str, name: str) -> datetime:
    """Read a time as people type it, UTC unless it says otherwise; ``name`` is the option."""
    try:
        found = datetime.fromisoformat(typed)
    except ValueError:
        raise typer.BadParameter("write it as 2026-01-31, or 2026-01-31T08:00", param_hint=name) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with typer.progressbar(length=100, label=label, file=sys.stderr) as shown:

        def progress(done: int, total: int) -> None:
            shown.update(max(0, int(100 * done / max(1, total)) - shown.pos))

        yield progress
