"""``record-bot audit``: verify, export, archive and hold the audit trail."""
# ruff: noqa: PLC0415

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.cli import event_loop, usage
from bot.cli.login import login_name
from bot.cli.usage import TIME_FORMATS, examples, moment, one_of
from bot.config import settings as config
from bot.observability import logging as log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from bot.admin.verification_result import VerificationResult
    from bot.audit.verification import Verifier

audit = typer.Typer(
    short_help="Verify, export, archive or hold the audit trail.",
    help="Verify, export, archive or hold the audit trail.",
    no_args_is_help=True,
)
FORMATS = ("jsonl", "csv")
HASH = "[0-9a-fA-F]{64}"


@audit.command(
    "verify",
    short_help="Verify that the audit trail is intact.",
    epilog=examples(
        "record-bot audit verify",
        "record-bot audit verify --head 7b9e…        (64 digits, from the digest)",
        'record-bot audit verify --head "#4711 7b9e01c2d3e4"        (number and 12 digits, from the audit channel)',
        "record-bot audit verify export.jsonl",
        "record-bot audit verify --archive archive/ --anchors anchors.txt",
        "record-bot audit verify call.zip --root 1c0a…        (64 digits, from the digest of the day)",
    ),
)
def verify(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A JSON Lines file from audit export or a ZIP file from audit prove; default: the database.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="A hash you saw elsewhere (for example in the digest) that must be in the trail: all 64 digits, or an "
            'entry number and at least 12 digits, as the audit channel shows them ("#4711 7b9e01c2d3e4").'
        ),
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            help="File of entry numbers and hashes (at least 12 digits) that must be in the trail, one per line. "
            "record-bot audit anchors makes one from lines of the audit channel.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Archive directory; checked together with the database. What isn't in it is missing.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(help="For a ZIP file: a day's root as its digest shows it; repeat it for several days."),
    ] = None,
    destroyed: Annotated[
        int,
        typer.Option(
            metavar="NUMBER",
            help="With --archive: you know that the archive files up to this entry were destroyed on purpose. The "
            "trail must say so too (audit destroy).",
            min=0,
            show_default=False,
        ),
    ] = 0,
) -> None:
    """Verify that the audit trail is intact.

    Exit status 0: intact. 1: broken; names the first bad entry. 2: this can't be verified, such as a CSV export.
    3: part of a trail; nothing wrong was found, but not everything could be checked; says what and why.

    Without --head or --anchors, nothing shows whether entries were removed at the end. Then the result says so.
    """
    from bot.admin.audit import verify_database, verify_file
    from bot.admin.evidence import is_evidence
    from bot.audit.files import NotAnExport

    if file is not None and is_evidence(file):
        _verify_evidence(file, root or [], {"--head": head, "--anchors": anchors, "--archive": archive})
    if root:
        raise typer.BadParameter("goes with a ZIP file from audit prove", param_hint="--root")
    if file is not None and archive is not None:
        raise typer.BadParameter("can't be combined with FILE", param_hint="--archive")
    if destroyed and archive is None:
        raise typer.BadParameter("it goes with --archive", param_hint="--destroyed")
    log.configure(level="error")
    verifier = _verifier(head, anchors)
    with bar("Verifying") as progress:
        if file is not None:
            try:
                verdict = verify_file(file, verifier, progress)
            except NotAnExport as error:
                raise typer.BadParameter(str(error), param_hint="FILE") from None
        else:
            settings = config.load(config.DatabaseSettings)
            verdict = event_loop.run(
                verify_database(settings, verifier, progress, archive=archive, destroyed=destroyed)
            )
    _end(verdict)


@audit.command(
    "anchors",
    short_help="Make anchors from lines of the audit channel.",
    epilog=examples(
        "record-bot audit anchors pasted.txt > anchors.txt",
        "record-bot audit anchors export/audit/*.json > anchors.txt",
        "record-bot audit verify --anchors anchors.txt",
    ),
)
def anchors_(
    files: Annotated[
        list[typer.FileText],
        typer.Argument(
            metavar="FILES",
            help="Lines copied from the audit channel, or JSON files of an export of it, oldest first; - is stdin.",
        ),
    ],
) -> None:
    """Read numbers and hashes from lines of the audit channel, and print them for audit verify --anchors.

    Exit status 1: there are none, or the lines contradict each other; then entries were removed or rewritten. The
    lines are only as good as the channel: leave out what others than record-bot wrote.
    """
    from bot.audit.channel import ChannelReading

    reading = ChannelReading()
    for file in files:
        try:
            reading.read(file.read())
        except UnicodeDecodeError:
            raise typer.BadParameter(f"{file.name} is not text (UTF-8)", param_hint="FILES") from None
    typer.echo(reading.text(), nl=False)
    for line in reading.unread:
        typer.echo(f"Not read, because hashes are missing or cut off: {line}", err=True)
    for problem in reading.problems:
        typer.echo(problem, err=True)
    if not reading.anchors:
        typer.echo("No line of the audit channel was found. Copy whole lines, with the digits at the end.", err=True)
    elif reading.missing:
        typer.echo(f"Between the first and the last number, {reading.missing} have no line.", err=True)
    raise typer.Exit(1 if reading.problems or not reading.anchors else 0)


@audit.command(
    "export",
    short_help="Export entries as JSON Lines or CSV.",
    epilog=examples(
        "record-bot audit export --output trail.jsonl",
        "record-bot audit export --format csv --since 2026-01-01 --until 2026-02-01 --output january.csv",
        "record-bot audit export --phase denied --actor slack:T0123:U0123",
    ),
)
def export(
    format_: Annotated[
        str, typer.Option("--format", help="jsonl (which audit verify can verify) or csv (for a spreadsheet).")
    ] = "jsonl",
    since: Annotated[str | None, typer.Option(help=f"Only entries from this time on ({TIME_FORMATS}).")] = None,
    until: Annotated[str | None, typer.Option(help="Only entries before this time.")] = None,
    conversation: Annotated[
        str | None, typer.Option(help="Only entries about this call (its conversation id).")
    ] = None,
    actor: Annotated[
        str | None, typer.Option(help="Only entries by this person, for example slack:T…:U… or cli:LOGIN.")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only entries with this action, for example recording:start.")
    ] = None,
    phase: Annotated[
        str | None,
        typer.Option(help="Only entries with this result: requested, succeeded, failed, unknown, denied or observed."),
    ] = None,
    names: Annotated[  # noqa: FBT002  Typer passes the value by name
        bool, typer.Option("--names", help="CSV for people: names of agents and queues, notes, and local times.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write to this new file; its SHA-256 goes into FILE.sha256.")
    ] = None,
) -> None:
    """Export entries as JSON Lines or CSV, to stdout or to a new file.

    The export itself is recorded in the trail.
    """
    from bot.admin.audit import Export
    from bot.audit.actions import ACTIONS
    from bot.audit.entry import Phase
    from bot.audit.export import Filter

    one_of(format_, FORMATS, "--format")
    if names and format_ != "csv":
        raise typer.BadParameter("it goes with --format csv; JSON lines hold ids only", param_hint="--names")
    log.configure(level="error")
    wanted = Filter(
        since=_written(since, "--since"),
        until=_written(until, "--until"),
        conversation_id=conversation and usage.conversation(conversation, "--conversation"),
        actor=actor and usage.actor(actor, "--actor"),
        action=action and one_of(action, ACTIONS, "--action"),
        phase=phase and one_of(phase, [one.value for one in Phase], "--phase"),
    )
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise typer.BadParameter("must be later than --since", param_hint="--until")
    job = Export(
        config.load(config.DatabaseSettings), f"cli:{login_name()}", wanted, format_, output, _zone() if names else None
    )
    with bar("Exporting") as progress:
        sentence = event_loop.run(job.run(progress))
    typer.echo(sentence, err=output is None)


def _verify_evidence(file: Path, roots: list[str], others: dict[str, object]) -> NoReturn:
    from bot.admin.evidence import verify_evidence

    for name, value in others.items():
        if value is not None:
            raise typer.BadParameter("doesn't go with a ZIP file; use --root HASH", param_hint=name)
    for one in roots:
        if not re.fullmatch(HASH, one):
            raise typer.BadParameter("must be a full hash: 64 hexadecimal digits", param_hint="--root")
    _end(verify_evidence(file, [one.lower() for one in roots]))


def _end(result: VerificationResult) -> NoReturn:
    typer.echo(result.text, err=not result.ok)
    raise typer.Exit(result.status)


@audit.command(
    "prove",
    short_help="Write the evidence for one call.",
    epilog=examples(
        "record-bot audit prove 72341510-fcb1-4d8a-9c1e-6f2f0a7a54c1 --output call.zip",
        "record-bot audit prove 72341510-fcb1-4d8a-9c1e-6f2f0a7a54c1 --archive archive/ --output call.zip",
    ),
)
def prove(
    conversation: Annotated[str, typer.Argument(metavar="ID", help="The call (its conversation id).")],
    output: Annotated[Path, typer.Option(help="Write to this new ZIP file.")],
    archive: Annotated[
        Path | None,
        typer.Option(help="Archive directory, for a call whose entries were archived.", exists=True, file_okay=False),
    ] = None,
) -> None:
    """Write the evidence for one call: its entries, a proof for each, a timeline to print, and how to check it all.

    The file shows nothing of other calls. The export is recorded in the trail.

    Exit status 0: every entry has a proof. 3: some have none (yet); says which and why.
    """
    from bot.admin.data import Keeper
    from bot.admin.evidence import Prove

    log.configure(level="error")
    keeper = Keeper(config.load(config.DatabaseSettings), f"cli:{login_name()}")
    job = Prove(keeper, usage.conversation(conversation, "ID"), output, _zone(), archive)
    _end(event_loop.run(job.run()))


def _zone() -> ZoneInfo:
    """Return the time zone in which the bot shows days (AUDIT_DIGEST_ZONE)."""
    from zoneinfo import ZoneInfo

    return ZoneInfo(config.load(config.DigestSettings).audit_digest_zone)


def _verifier(head: str | None, anchors: Path | None) -> Verifier:
    from bot.audit.anchors import read_anchor, read_anchors
    from bot.audit.verification import Verifier

    try:
        wanted = read_anchors(anchors.read_text().splitlines()) if anchors is not None else {}
    except (ValueError, OSError) as error:
        raise typer.BadParameter(_sentence(error), param_hint="--anchors") from None
    if head is not None:
        try:
            digest, seq = read_anchor(head)
        except ValueError as error:
            raise typer.BadParameter(f"it is {error}", param_hint="--head") from None
        wanted.setdefault(digest, seq)
    return Verifier(wanted=wanted)


def _sentence(error: ValueError | OSError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _written(typed: str | None, name: str) -> str | None:
    from bot.audit.entry import timestamp

    return None if typed is None else timestamp(moment(typed, name))


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
