"""The start modal as a view, and the input of a person in it. Pure functions; the size limits are Slack's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.i18n.shorten import shorten
from bot.recording.requests import REASON_LIMIT
from bot.slack.blocks.mrkdwn import length, mrkdwn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from bot.i18n.catalog import Catalog
    from bot.recording.requests import ReasonRules

View = dict[str, Any]
Option = dict[str, Any]

START_VIEW = "recording_start_view"
CALL, FOUND, AGENT, TYPED_ID, REASON, NOTE = "call", "found", "agent", "typed_id", "reason", "note"
"""Action ids; the block around each has the id ``start_`` and the same name."""
INPUTS = (CALL, FOUND, AGENT, TYPED_ID, REASON, NOTE)
NOTICE, CALLS_NOTE, AT_MOST = "start_notice", "start_calls_note", "start_at_most"
NEXT_CALL = "next:"
"""What the value of an option begins with that stands for an agent's next call; the agent's id follows."""
OPTIONS_LIMIT = 100
OPTION_TEXT = 75
SECTION_LIMIT = 3000


@dataclass(frozen=True, slots=True)
class Form:
    """The content of a start modal: what was chosen and typed, and the options besides the live calls.

    ``channel`` is where the card goes; None where nobody asked in a channel. ``tries`` counts the submissions that
    were refused in the trail, so that the next one is another request.
    """

    channel: str | None = None
    tries: int = 0
    call: Option | None = None
    agent: Option | None = None
    reason: Option | None = None
    typed_id: str = ""
    note: str = ""
    agents: tuple[Option, ...] = ()
    found: tuple[Option, ...] = ()
    """Calls named in a message; they replace the live calls."""

    @property
    def chosen_call(self) -> str | None:
        return None if self.call is None else str(self.call["value"])

    @property
    def next_agent(self) -> str | None:
        """The agent whose next call was chosen in place of a call."""
        chosen = self.chosen_call or ""
        return chosen.removeprefix(NEXT_CALL) if chosen.startswith(NEXT_CALL) else None

    @property
    def chosen_agent(self) -> str | None:
        return None if self.agent is None else str(self.agent["value"])

    @property
    def reason_code(self) -> str | None:
        return None if self.reason is None else str(self.reason["value"])


def read_form(view: Mapping[str, Any]) -> Form:
    """Read the modal as Slack sends it back."""
    values = part(part(view.get("state")).get("values"))
    kept = _kept(view.get("private_metadata"))
    states = {name: part(part(values.get(block_id(name))).get(name)) for name in INPUTS}
    chosen = {name: _chosen(state.get("selected_option")) for name, state in states.items()}
    typed = {name: str(state.get("value") or "").strip() for name, state in states.items()}
    return Form(
        channel=channel if isinstance(channel := kept.get("channel"), str) else None,
        tries=tries if type(tries := kept.get("tries")) is int else 0,
        call=chosen[FOUND] or chosen[CALL],
        agent=chosen[AGENT],
        reason=chosen[REASON],
        typed_id=typed[TYPED_ID],
        note=typed[NOTE],
        agents=_offered(view, AGENT),
        found=_offered(view, FOUND),
    )


def start_view(
    form: Form,
    words: Catalog,
    reasons: ReasonRules,
    *,
    notice: str = "",
    calls_note: str = "",
    at_most: timedelta | None = None,
) -> View:
    """Render the modal. ``notice`` says why the last submission was refused, ``calls_note`` how the list stands.

    ``at_most`` is after how long a recording that is started by hand stops by itself.

    Slack keeps the input because the blocks' ids stay the same; the view also repeats it, in case they change.
    """
    blocks = [_section(NOTICE, notice)] if notice else []
    if calls_note:
        blocks.append(_section(CALLS_NOTE, calls_note))
    blocks.append(_found(form, words) if form.found else _calls(form, words))
    if form.agents:
        blocks.append(_agents(form, words))
    blocks.append(_typed_id(form, words))
    if reasons.labels:
        blocks.append(_reason(form, words, reasons))
    blocks.append(_note(form, words, required=reasons.required and not reasons.labels))
    if at_most is not None:
        said = words("modal.at_most", length=length(at_most, words))
        blocks.append({"type": "context", "block_id": AT_MOST, "elements": [mrkdwn(said)]})
    kept = {"channel": form.channel, "tries": form.tries}
    return {
        "type": "modal",
        "callback_id": START_VIEW,
        "private_metadata": json.dumps({name: value for name, value in kept.items() if value}),
        "title": plain(words("modal.title")),
        "submit": plain(words("modal.submit")),
        "close": plain(words("modal.close")),
        "blocks": blocks,
    }


def block_id(name: str) -> str:
    return f"start_{name}"


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def option(text: str, value: str, description: str = "") -> Option:
    found: Option = {"text": plain(shorten(text, OPTION_TEXT)), "value": value}
    return found | {"description": plain(shorten(description, OPTION_TEXT))} if description else found


def _calls(form: Form, words: Catalog) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "external_select",
        "action_id": CALL,
        "placeholder": plain(words("modal.call_placeholder")),
        "min_query_length": 0,
    }
    return _choice(CALL, words("modal.call"), element, form.call, hint=words("modal.call_hint"), dispatched=True)


def _found(form: Form, words: Catalog) -> dict[str, Any]:
    element = {"type": "static_select", "action_id": FOUND, "options": list(form.found)}
    return _choice(FOUND, words("modal.found"), element, form.call, hint=words("modal.found_hint"), dispatched=True)


def _agents(form: Form, words: Catalog) -> dict[str, Any]:
    element = {"type": "static_select", "action_id": AGENT, "options": list(form.agents)}
    only = form.agents[0] if len(form.agents) == 1 else None
    return _choice(AGENT, words("modal.agent"), element, form.agent or only, optional=False)


def _typed_id(form: Form, words: Catalog) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": TYPED_ID,
        "max_length": 500,
        "placeholder": plain(words("modal.typed_id_placeholder")),
    }
    if form.typed_id:
        element["initial_value"] = form.typed_id
    return _input(TYPED_ID, words("modal.typed_id"), element)


def _reason(form: Form, words: Catalog, reasons: ReasonRules) -> dict[str, Any]:
    # The settings hold no more and no longer ones than Slack takes: see RECORDING_REASONS.
    offered = [option(label, code) for code, label in reasons.labels.items()]
    element = {"type": "static_select", "action_id": REASON, "options": offered}
    return _choice(REASON, words("modal.reason"), element, form.reason, optional=not reasons.required)


def _note(form: Form, words: Catalog, *, required: bool) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "plain_text_input",
        "action_id": NOTE,
        "multiline": True,
        "max_length": REASON_LIMIT,
    }
    if form.note:
        element["initial_value"] = form.note
    name = "modal.note_required" if required else "modal.note"
    return _input(NOTE, words(name), element, optional=not required)


def _choice(
    name: str,
    label: str,
    element: dict[str, Any],
    chosen: Option | None,
    *,
    hint: str = "",
    optional: bool = True,
    dispatched: bool = False,
) -> dict[str, Any]:
    offered: Sequence[Option] | None = element.get("options")
    if chosen is not None and offered is not None:
        chosen = next((one for one in offered if one["value"] == chosen["value"]), None)
    if chosen is not None:
        element = element | {"initial_option": chosen}
    block = _input(name, label, element, optional=optional, hint=hint)
    return block | {"dispatch_action": True} if dispatched else block


def _input(name: str, label: str, element: dict[str, Any], *, optional: bool = True, hint: str = "") -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "input",
        "block_id": block_id(name),
        "label": plain(label),
        "element": element,
        "optional": optional,
    }
    return block | {"hint": plain(hint)} if hint else block


def _section(name: str, text: str) -> dict[str, Any]:
    return {"type": "section", "block_id": name, "text": mrkdwn(shorten(text, SECTION_LIMIT))}


def _offered(view: Mapping[str, Any], name: str) -> tuple[Option, ...]:
    blocks = view.get("blocks")
    found = (one for one in blocks if part(one).get("block_id") == block_id(name)) if isinstance(blocks, list) else ()
    options = part(part(next(iter(found), None)).get("element")).get("options")
    return tuple(filter(None, map(_chosen, options))) if isinstance(options, list) else ()


def _chosen(option: object) -> Option | None:
    """Return an option as Slack sends it back; None if it isn't one."""
    return part(option) if isinstance(part(option).get("value"), str) else None


def _kept(metadata: object) -> dict[str, Any]:
    try:
        return part(json.loads(str(metadata or "{}")))
    except (ValueError, RecursionError):
        return {}


def part(value: object) -> dict[str, Any]:
    """Return an object in a payload, an empty one if there is something else."""
    return value if isinstance(value, dict) else {}
