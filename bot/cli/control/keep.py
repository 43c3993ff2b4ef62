"""Keeping and releasing a call's recordings from a terminal."""
# ruff: noqa: PLC0415  commands import what they need, so that those without Genesys start at once

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli import event_loop
from bot.cli.login import login_name
from bot.cli.usage import examples
from bot.config import settings as config
from bot.observability import logging as log

if TYPE_CHECKING:
    from bot.recording.keeping.keep import Keep, KeepVerb

SAMPLE_ID = "72341510-5c0f-4d5b-9a3e-0d2f5a1c7e11"
ICON = re.compile(r"\A:\w+: ")
"""The emoji of Slack's before a sentence, which a terminal doesn't show."""
CallId = Annotated[str, typer.Argument(metavar="ID", help="Conversation id or interaction link.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(recording: typer.Typer) -> None:
    """Add the commands to their group."""
    recording.command(
        "keep",
        short_help="Protect a call's recordings from deletion.",
        epilog=examples(
            f"record-bot recording keep {SAMPLE_ID}",
            f'record-bot recording keep {SAMPLE_ID} --reason "threat against the agent"',
        ),
    )(keep)
    recording.command(
        "release",
        short_help="End that protection (compliance).",
        epilog=examples(f"record-bot recording release {SAMPLE_ID}"),
    )(release)


def keep(
    call: CallId,
    reason: Annotated[str | None, typer.Option(help="Reason code, or your own words; added in Genesys.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Protect a call's recordings from deletion in Genesys, and add the reason to them.

    If the call goes on, or Genesys hasn't stored its recordings yet, record-bot serve does it once they are there.
    """
    _run("keep", call, reason, as_json=as_json)


def release(call: CallId, *, as_json: AsJson = False) -> None:
    """End the protection of a call's recordings: Genesys may then delete them as its retention policies say.

    In Slack, only compliance may do this.
    """
    _run("release", call, None, as_json=as_json)


def _run(verb: str, call: str, reason: str | None, *, as_json: bool) -> None:
    from bot.recording.keeping.keep import KeepVerb

    settings = config.load(config.ControlSettings)
    log.configure(format_=settings.log_format, level="error")
    result = event_loop.run(KeepTerminal(settings, login_name()).ask(KeepVerb(verb), call, reason))
    typer.echo(result.text(as_json=as_json), err=not result.ok and not as_json)
    raise typer.Exit(0 if result.ok else 1)


@dataclass(frozen=True, slots=True)
class KeepResult:
    """The result of a command: a sentence, and the facts."""

    ok: bool
    sentence: str
    facts: dict[str, Any]

    def text(self, *, as_json: bool) -> str:
        return json.dumps({**self.facts, "sentence": self.sentence}, indent=2) if as_json else self.sentence


@dataclass(frozen=True, slots=True)
class KeepTerminal:
    """One command of one user who is logged in on the bot's machine, and so is trusted like compliance."""

    settings: config.ControlSettings
    login: str

    async def ask(self, verb: KeepVerb, typed_id: str, reason: str | None) -> KeepResult:
        from bot.audit.storable import storable
        from bot.cli.control.recording import voice
        from bot.errors import RecordBotError
        from bot.i18n.error_messages import explain
        from bot.recording.caller import Principal, Role
        from bot.recording.requests import Request, RequestSource
        from bot.runtime.container import CLI_OWNER, opened_control

        caller = Principal(f"cli:{self.login}", frozenset({Role.SUPERVISOR, Role.COMPLIANCE}))
        async with opened_control(self.settings, owner=CLI_OWNER) as control:
            keeper, request = control.keeper, Request(caller, RequestSource("cli"))
            try:
                accepted = await keeper.ask(verb, request, typed_id=storable(typed_id), reason=storable(reason))
                return _result(await keeper.carry_out(accepted))
            except RecordBotError as error:
                facts = {"error": error.kind, "audit_seq": error.audit_seq}
                return KeepResult(ok=False, sentence=explain(error, voice()), facts=facts)


def _result(keep: Keep) -> KeepResult:
    from bot.cli.control.recording import voice
    from bot.i18n.keep_messages import keep_sentence
    from bot.recording.keeping.keep import KeepState

    said = ICON.sub("", keep_sentence(keep, voice()))
    later = " record-bot serve does this." if keep.state is KeepState.WAITING else ""
    sentence = f"Call {keep.conversation_id}: {said}{later}"
    facts = {
        "conversation_id": keep.conversation_id,
        "action": keep.verb.action,
        "state": keep.state.value,
        "in_doubt": keep.in_doubt and not keep.settled,
        "error": keep.error,
        "missing_permission": keep.permission,
        "annotation": keep.annotation,
        "next_try_at": keep.next_at and keep.next_at.isoformat(),
        "audit_seq": keep.settled_seq or keep.audit_seq,
    }
    return KeepResult(keep.state in {KeepState.DONE, KeepState.WAITING}, sentence, facts)
