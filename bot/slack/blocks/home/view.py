"""App Home as Block Kit, for one person. Pure functions; the sizes are Slack's.

It shows what the person may see at this moment. Each button carries only an id; the click decides whether it is still
valid.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from bot.recording.caller import Permission
from bot.recording.live_calls.visible import controls
from bot.recording.models import RecordingState
from bot.recording.permissions import sees
from bot.recording.policy import describe
from bot.slack.blocks.agents.next_calls import next_call_rows
from bot.slack.blocks.card import CONFIRM_PAUSE, CONFIRM_STOP, WITHDRAW_PAUSE, WITHDRAW_STOP, about, control_buttons
from bot.slack.blocks.home.today import today_blocks
from bot.slack.blocks.keep import KEEP, RELEASE, keep_buttons
from bot.slack.blocks.mrkdwn import inline, moment, mrkdwn
from bot.slack.blocks.notes import notes
from bot.slack.blocks.recording_line import recording_line
from bot.slack.blocks.reports.digest import section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.i18n.catalog import Catalog
    from bot.recording.agents.next_call import NamedNextCall
    from bot.recording.caller import Principal
    from bot.recording.card import Card
    from bot.slack.blocks.card import Block, CardStyle
    from bot.slack.blocks.home.today import Today

OPEN_BUTTON = "recording_start_open"
LIVE_SHOWN = 30
"""Two blocks each; a view takes 100."""
WAITING_SHOWN = 8
RECENT_SHOWN = 10
FAILED_SHOWN = 3
LABEL_SHOWN = 100
DATE_FORM = "{date_short_pretty} {time}"
PARTS = ("slack", "genesys", "database", "audit_channel")
"""The components whose state people see, in this order."""

View = dict[str, Any]


class ComponentHealth(Protocol):
    """Whether one component is usable now."""

    @property
    def name(self) -> str: ...

    @property
    def ok(self) -> bool: ...

    @property
    def facts(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """The content of one person's Home. ``live`` and ``recent`` hold only what this person may see."""

    caller: Principal
    live: Sequence[Card] = ()
    recent: Sequence[Card] = ()
    parts: Sequence[ComponentHealth] = ()
    today: Today | None = None
    """For compliance only."""
    waiting: Sequence[NamedNextCall] = ()
    """The waits for agents' next calls."""


def home_view(facts: HomeFacts, style: CardStyle, now: datetime) -> tuple[View, str]:
    """Return the view, and a digest of its content without the time."""
    words, rights = style.words, describe(facts.caller)
    blocks = [_header(words("home.title"))]
    if rights.control:
        blocks.append(_actions("home_start", [_start_button(words)]))
    blocks.append(_context(health(facts.parts, words)))
    blocks += _live(facts, style)
    blocks += _waiting(facts, style)
    if rights.control:
        blocks += _recent_blocks(facts.recent, facts.caller, style)
    if facts.today is not None:
        blocks += today_blocks(facts.today, style)
    blocks += _rights(facts.caller, words)
    return _view(blocks, words, now)


def plain_view(text: str, words: Catalog, now: datetime) -> tuple[View, str]:
    """Return a view that says one thing, and names no call."""
    return _view([_header(words("home.title")), section(text)], words, now)


def stranger_text(caller: Principal, words: Catalog) -> str:
    """Say why there is nothing to see here, and whom to ask."""
    if caller.denial_reason and words.has(f"denied.{caller.denial_reason}_what"):
        return f"{words(f'denied.{caller.denial_reason}_what')} {words(f'denied.{caller.denial_reason}_do')}"
    return words("home.stranger")


def health(parts: Sequence[ComponentHealth], words: Catalog) -> str:
    """Summarize in one line the state of the components that people depend on."""
    known = {part.name: part for part in parts}
    shown = [known[name] for name in PARTS if name in known]
    if all(part.ok for part in shown):
        return words("home.all_well")
    return " · ".join(_part(part, words) for part in shown)


def _part(part: ComponentHealth, words: Catalog) -> str:
    name = words(f"home.part_{part.name}")
    if part.ok:
        return words("home.works", part=name)
    since = (part.facts or {}).get("down_since")
    if since:
        return words("home.away_since", part=name, time=moment(datetime.fromisoformat(since)))
    return words("home.broken", part=name)


def _live(facts: HomeFacts, style: CardStyle) -> list[Block]:
    words, live = style.words, facts.live
    blocks = [_header(words("home.live", number=len(live)))]
    if not live:
        blocks.append(_context(words("home.none_live")))
    for one in live[:LIVE_SHOWN]:
        said = [recording_line(one, style), *notes(one, words, style.person)]
        blocks.append(section("\n".join(said)))
        buttons = _buttons(one, facts.caller, words) if controls(facts.caller, one.recording) else []
        if buttons := [*buttons, *_keep_buttons(one, facts.caller, style)]:
            blocks.append(_actions(f"home_{one.recording.id}", buttons))
    if len(live) > LIVE_SHOWN:
        blocks.append(_context(words("home.more", number=len(live) - LIVE_SHOWN)))
    return blocks


def _waiting(facts: HomeFacts, style: CardStyle) -> list[Block]:
    """List who waits for an agent's next call; nothing where nobody does."""
    if not facts.waiting:
        return []
    shown = sorted(facts.waiting, key=lambda one: one.next_call.asked_by != facts.caller.actor)[:WAITING_SHOWN]
    _, rows = next_call_rows(shown, facts.caller, style)
    return [_header(style.words("next.waiting_for")), *rows]


def _buttons(shown: Card, caller: Principal, words: Catalog) -> list[Block]:
    """Return the buttons of the recording's card, without the one that this person could only be refused for."""
    own = shown.approval is not None and shown.approval.asked_by == caller.actor
    not_theirs = {CONFIRM_STOP, CONFIRM_PAUSE} if own else {WITHDRAW_STOP, WITHDRAW_PAUSE}
    buttons = control_buttons(shown.recording, words, shown.approval, about=about(shown))
    return [button for button in buttons if button["action_id"] not in not_theirs]


def _keep_buttons(shown: Card, caller: Principal, style: CardStyle) -> list[Block]:
    """Return the button that keeps or releases, without one that this person could only be refused for."""
    buttons = keep_buttons(shown, style.words, offered=style.keep)
    permission = {KEEP: Permission.KEEP, RELEASE: Permission.RELEASE}
    may = sees(caller, shown.recording)
    return [button for button in buttons if may and caller.may(permission[button["action_id"]])]


def _recent_blocks(recent: Sequence[Card], caller: Principal, style: CardStyle) -> list[Block]:
    words = style.words
    blocks = [_header(words("home.recent"))]
    ran = [one for one in recent if one.recording.state is not RecordingState.FAILED]
    failed = [one for one in recent if one.recording.state is RecordingState.FAILED]
    if not ran:
        blocks.append(_context(words("home.none_recent")))
    for one in ran[:RECENT_SHOWN]:
        button = next(iter(_keep_buttons(one, caller, style)), None)
        # beside the text: a block of its own for each would be too many
        blocks.append(section(_recent(one, style)) | ({"accessory": button} if button else {}))
    if failed:
        blocks.append(_header(words("home.failed")))
        blocks += [section(_recent(one, style)) for one in failed[:FAILED_SHOWN]]
    return blocks


def _recent(shown: Card, style: CardStyle) -> str:
    return "\n".join([recording_line(shown, style), *notes(shown, style.words, style.person)])


def _rights(caller: Principal, words: Catalog) -> list[Block]:
    rights = describe(caller)
    said = []
    if rights.everything:
        said.append(words("home.may_control"))
    elif rights.control:
        grants = ", ".join(f"*{inline(label, LABEL_SHOWN)}*" for label in rights.grants)
        said.append(words("home.may_control_of", grants=grants))
    if rights.read:
        said.append(words("home.may_read"))
    if rights.export:
        said.append(words("home.may_export"))
    return [_header(words("home.rights")), section("\n".join([*said, words("home.help")]))]


def _start_button(words: Catalog) -> Block:
    return {
        "type": "button",
        "action_id": OPEN_BUTTON,
        "style": "primary",
        "text": {"type": "plain_text", "text": words("home.start")},
        "accessibility_label": words("home.start_of"),
    }


def _view(blocks: list[Block], words: Catalog, now: datetime) -> tuple[View, str]:
    digest = hashlib.sha256(json.dumps(blocks, sort_keys=True).encode()).hexdigest()
    as_of = _context(words("home.as_of", time=moment(now)))
    return {"type": "home", "blocks": [*blocks, as_of]}, digest


def _header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": text}}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text)]}


def _actions(block_id: str, elements: list[Block]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": elements}
