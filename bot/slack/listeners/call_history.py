"""``/record history``: a call's whole history from the trail, as far as it fits into a message."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from bot.errors import MalformedId
from bot.recording.requests import conversation_id
from bot.slack.blocks.audit.line import line
from bot.slack.blocks.card import SECTION_LIMIT
from bot.slack.blocks.mrkdwn import inline
from bot.slack.blocks.reports.digest import section
from bot.slack.listeners.context import Answer, ListenerContext, ephemeral

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.audit.entry import Entry
    from bot.i18n.catalog import Catalog
    from bot.recording.requests import Request
    from bot.slack.blocks.audit.names import LineNames
    from bot.slack.blocks.card import CardStyle

LINES = 40
WORDS_SHOWN = 150
"""Characters of typed text; the whole text is on the recording's card."""
CHARACTERS = 24_000
"""Of all lines together: Slack takes 40,000 in a message's text, and 50 blocks."""

Told = tuple["Entry", "str | None"]


class Stories(Protocol):
    """The trail's entries about calls."""

    async def story(self, call: str, *, before: int, limit: int) -> tuple[tuple[Told, ...], int]: ...


class CallNames(Protocol):
    """What agents and queues are called."""

    async def of_calls(self, entries: Sequence[Entry]) -> LineNames: ...


@dataclass(frozen=True, slots=True)
class CallHistory:
    """Answers who did what to a call, when, why and with what outcome."""

    context: ListenerContext
    stories: Stories
    names: CallNames

    async def answer(self, request: Request, typed_id: str) -> Answer:
        """Return the history. The trail records the read first. Raise NotPermitted, MalformedId."""
        intake = self.context.service.intake
        try:
            call = conversation_id(typed_id)
        except MalformedId as problem:
            await intake.refuse_reading(request, typed_id, problem)
            raise
        reading = await intake.read_history(request, call)
        told, older = await self.stories.story(call, before=reading.seq, limit=LINES)
        names = replace(await self.names.of_calls([entry for entry, _ in told]), mentions=True)
        return story(call, told, older, reading.seq, self.context.style, self.context.words_for(request), names)


def story(
    call: str, told: Sequence[Told], older: int, seq: int, style: CardStyle, words: Catalog, names: LineNames
) -> Answer:
    """Render the entries about a call, the newest that fit; ``older`` more are in the trail.

    The entries are evidence, in the style's English; what the bot says about them is in the reader's ``words``.
    """
    lead = words("history.lead", call=style.call(call), seq=seq)
    if not told:
        return ephemeral(f"{lead}\n{words('history.nothing')}")
    lines = [_line(entry, typed, style, names) for entry, typed in told]
    shown = _newest_that_fit(lines)
    missing = older + len(lines) - len(shown)
    if missing:
        lead += f"\n{words('history.left_out', count=missing, call=call)}"
    return ephemeral("\n".join([lead, *shown]), [section(lead), *map(section, _pages(shown))])


def _line(entry: Entry, typed: str | None, style: CardStyle, names: LineNames) -> str:
    text = line(entry, style, names, about_call=False)
    return text if typed is None else f"{text}\n> {inline(typed, WORDS_SHOWN)}"


def _newest_that_fit(lines: list[str]) -> list[str]:
    room, first = CHARACTERS, len(lines)
    while first and (room := room - len(lines[first - 1]) - 1) >= 0:
        first -= 1
    return lines[first:]


def _pages(lines: list[str]) -> list[str]:
    """Gather lines into texts that each fit into a section."""
    pages: list[str] = []
    for one in lines:
        if pages and len(pages[-1]) + len(one) + 1 <= SECTION_LIMIT:
            pages[-1] += f"\n{one}"
        else:
            pages.append(one)
    return pages
