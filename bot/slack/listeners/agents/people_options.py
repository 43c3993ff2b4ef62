"""Agents who are on no call, as further options of the start modal: their next call can be recorded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from bot.errors import GenesysError
from bot.i18n.shorten import shorten
from bot.slack.blocks.start_modal import NEXT_CALL, OPTION_TEXT, OPTIONS_LIMIT, option, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.i18n.catalog import Catalog
    from bot.recording.agents.people import Person
    from bot.recording.call import LiveCall
    from bot.recording.caller import Scope
    from bot.recording.ports import Clock, PeopleDirectory

log = structlog.get_logger(__name__)

LEAST_TYPED = 3
"""Characters from which people are searched for: Slack asks again at each letter."""
SEARCH_SECONDS = 1.0
"""Time that a look-up waits for Genesys; the person sees the calls in any case."""
KEPT_SECONDS = 60.0
MOST_KEPT = 200


@dataclass(frozen=True, slots=True)
class PeopleOptions:
    """Searches for agents while a person types; the same text is searched for once a minute."""

    people: PeopleDirectory
    clock: Clock
    _kept: dict[str, tuple[float, tuple[Person, ...]]] = field(default_factory=dict, repr=False)

    async def beside(
        self, shown: dict[str, Any], typed: str, live: Sequence[LiveCall], scope: Scope, words: Catalog
    ) -> dict[str, Any]:
        """Return the options with a group of agents who fit and are on none of the live calls.

        A limited person is offered only the agents whom their scope names: of others nobody can tell whose call comes.
        """
        text = " ".join(typed.split())
        if len(text) < LEAST_TYPED:
            return shown
        talking = {agent.user_id for call in live for agent in call.agents}
        people = [
            one
            for one in await self._found(text)
            if one.user_id not in talking and (scope.everything or one.user_id in scope.agents)
        ]
        groups = shown.get("option_groups") or (
            [{"label": plain(words("modal.call")), "options": shown["options"]}] if shown.get("options") else []
        )
        room = OPTIONS_LIMIT - sum(len(group["options"]) for group in groups)
        offered = [_option(one, words) for one in people[: max(0, room)]]
        if not offered:
            return shown
        label = plain(shorten(words("next.option_group"), OPTION_TEXT))
        return {"option_groups": [*groups, {"label": label, "options": offered}]}

    async def _found(self, text: str) -> tuple[Person, ...]:
        now = self.clock.monotonic()
        known = self._kept.get(text.casefold())
        if known is not None and now - known[0] < KEPT_SECONDS:
            return known[1]
        try:
            async with asyncio.timeout(SEARCH_SECONDS):
                found = (await self.people.find(text, deadline=now + SEARCH_SECONDS)).people
        except (GenesysError, TimeoutError) as error:
            log.info("people_options_omitted", error=type(error).__name__)
            return ()
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[text.casefold()] = (now, found)
        return found


def _option(person: Person, words: Catalog) -> dict[str, Any]:
    room = OPTION_TEXT - len(words("next.option", agent=""))
    text = words("next.option", agent=shorten(person.name, room))
    return option(text, f"{NEXT_CALL}{person.user_id}", words("next.option_about"))
