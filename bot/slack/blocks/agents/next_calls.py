"""People who wait for an agent's next call: in answers, lists, App Home, and direct messages. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.i18n.error_messages import now, what_happened, what_went_wrong
from bot.i18n.shorten import shorten
from bot.recording.agents.next_call import NextCallNotice, NextCallOutcome
from bot.recording.agents.people import Person
from bot.recording.models import RecordingState
from bot.slack.blocks.agents.agent_calls import NAME_SHOWN, SPOKEN, Choice, next_button
from bot.slack.blocks.button import button
from bot.slack.blocks.mrkdwn import escape, inline, isolated, moment
from bot.slack.blocks.reports.digest import section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.i18n.catalog import Catalog
    from bot.recording.agents.next_call import DueNotice, NamedNextCall, NextCall
    from bot.recording.caller import Principal
    from bot.slack.blocks.card import Block, CardStyle

NEXT_CANCEL = "recording_next_cancel"
DATE_FORM = "{date_short_pretty} {time}"
OVER_ICONS = {
    NextCallOutcome.STARTED: ":red_circle:",
    NextCallOutcome.REFUSED: ":warning:",
    NextCallOutcome.DENIED: ":no_entry:",
    NextCallOutcome.EXPIRED: ":hourglass:",
    NextCallOutcome.UNAVAILABLE: ":warning:",
}


def agent_shown(user_id: str, name: str | None, words: Catalog) -> str:
    return inline(name or words("calls.unnamed", id=user_id[:8]), NAME_SHOWN)


def waiting_text(waiting: NextCall, name: str | None, words: Catalog, *, on_call: bool) -> str:
    """Say that the bot waits for an agent's next call; a call that the agent is on now is not the next one."""
    said = words(
        "next.waiting",
        agent=agent_shown(waiting.agent_user_id, name, words),
        until=moment(waiting.expires_at, form=DATE_FORM),
        seq=waiting.audit_seq,
    )
    return f"{said} {words('next.on_a_call')}" if on_call else said


def waiting_blocks(text: str, waiting: NextCall, name: str | None, words: Catalog) -> list[Block]:
    return [section(text), {"type": "actions", "elements": [cancel_button(waiting, name, words)]}]


def cancel_button(waiting: NextCall, name: str | None, words: Catalog) -> Block:
    spoken = words("next.cancel_of", agent=isolated(name or waiting.agent_user_id[:8]))
    return button(NEXT_CANCEL, words("next.cancel"), value=str(waiting.id), spoken=shorten(spoken, SPOKEN))


def cancelled_text(waiting: NextCall, name: str | None, words: Catalog) -> str:
    agent = agent_shown(waiting.agent_user_id, name, words)
    return words("next.cancelled", agent=agent, seq=waiting.audit_seq)


def may_see(caller: Principal, waiting: NextCall) -> bool:
    """Return whether a list shows the wait to the caller: their own, and those for agents whose calls they control."""
    scope = caller.scope
    return waiting.asked_by == caller.actor or scope.everything or waiting.agent_user_id in scope.agents


def next_call_rows(
    waiting: Sequence[NamedNextCall], caller: Principal, style: CardStyle
) -> tuple[list[str], list[Block]]:
    """Return a line for each wait, and the same as blocks, with a button on the caller's own."""
    lines: list[str] = []
    blocks: list[Block] = []
    for one in waiting:
        line = _line(one, style)
        lines.append(line)
        row = section(line)
        own = one.next_call.asked_by == caller.actor
        blocks.append(row | {"accessory": cancel_button(one.next_call, one.agent_name, style.words)} if own else row)
    return lines, blocks


def _line(one: NamedNextCall, style: CardStyle) -> str:
    waiting = one.next_call
    return style.words(
        "next.line",
        agent=agent_shown(waiting.agent_user_id, one.agent_name, style.words),
        person=style.person(waiting.asked_by),
        until=moment(waiting.expires_at, form=DATE_FORM),
        seq=waiting.audit_seq,
    )


def is_known(due: DueNotice) -> bool:
    """Return whether a message can say how it went: not while the start is under way."""
    recording = due.recording
    return recording is None or not (recording.state is RecordingState.STARTING or recording.in_doubt)


def next_call_message(due: DueNotice, style: CardStyle) -> dict[str, Any]:
    """Return a message to the person who waits, as arguments of ``chat.postMessage``."""
    words, waiting = style.words, due.next_call
    agent = agent_shown(waiting.agent_user_id, due.agent_name, words)
    person = Person(waiting.agent_user_id, due.agent_name or agent)
    if due.kind is NextCallNotice.LOGGED_OUT:
        until = moment(waiting.expires_at, form=DATE_FORM)
        text = f":wave: {words('next.logged_out', agent=agent, until=until)} (#{waiting.audit_seq})"
        offered = [] if waiting.outcome else [cancel_button(waiting, due.agent_name, words)]
    else:
        outcome = waiting.outcome or NextCallOutcome.EXPIRED
        text = f"{OVER_ICONS.get(outcome, ':information_source:')} {_over(due, agent, style)} (#{waiting.audit_seq})"
        again = outcome in {NextCallOutcome.EXPIRED, NextCallOutcome.REFUSED} or _failed(due)
        offered = [next_button(person, Choice(waiting.agent_user_id, None, waiting.channel), words)] if again else []
    if due.posts_begun:
        text = f"{text} {words('notices.sent_again')}"
    blocks = [section(text), *([{"type": "actions", "elements": offered}] if offered else [])]
    payload = {"next_call_id": str(waiting.id), "kind": due.kind.value}
    return {
        "text": text,
        "blocks": blocks,
        "parse": "none",
        "metadata": {"event_type": "recording_notice", "event_payload": payload},
    }


def _over(due: DueNotice, agent: str, style: CardStyle) -> str:
    words, waiting, recording = style.words, due.next_call, due.recording
    until = moment(waiting.expires_at, form=DATE_FORM)
    match waiting.outcome:
        case NextCallOutcome.STARTED if recording is not None:
            return _started(due, agent, style)
        case NextCallOutcome.REFUSED:
            return words("next.refused", agent=agent, why=escape(what_happened(waiting.error or "error", words)))
        case NextCallOutcome.DENIED:
            key = f"denied.{waiting.error}_what"
            why = words(key) if words.has(key) else what_happened("not_permitted", words)
            return words("next.denied", agent=agent, why=escape(why))
        case NextCallOutcome.UNAVAILABLE:
            return words("next.unavailable", agent=agent)
        case _:
            return words("next.expired", agent=agent, until=until)


def _started(due: DueNotice, agent: str, style: CardStyle) -> str:
    words, recording = style.words, due.recording
    assert recording is not None  # noqa: S101  the caller has seen it
    call = style.call(recording.conversation_id, short=True)
    if _failed(due):
        why = what_went_wrong(recording, words) or what_happened("error", words)
        return words("next.failed", agent=agent, call=call, why=escape(why))
    if recording.started_by != due.next_call.asked_by:
        person = style.person(recording.started_by)
        return words("next.started_for_other", agent=agent, call=call, person=person, now=now(recording, words))
    return words("next.started", agent=agent, call=call, now=now(recording, words))


def _failed(due: DueNotice) -> bool:
    return due.recording is not None and due.recording.state is RecordingState.FAILED
