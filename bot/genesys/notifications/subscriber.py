"""What Genesys pushes about the calls of live recordings: one channel, one socket, kept alive."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import aiohttp
import structlog

from bot.errors import GenesysError, NotFound, PermissionMissing, RequestRejected, UserContextNeeded
from bot.genesys.notifications.channel import (
    MOST_TOPICS,
    Channel,
    Subscribed,
    TooManyTopics,
    chosen,
    open_channel,
    read_news,
    subscribe,
)
from bot.genesys.notifications.dispatcher import Inbox
from bot.genesys.notifications.websocket import ChannelGone, Stream, StreamOver
from bot.genesys.transport.http import trust
from bot.recording.call import QUEUE_SOURCE

if TYPE_CHECKING:
    import ssl

    from bot.genesys.notifications.dispatcher import OnGap, OnNews
    from bot.genesys.transport.client import GenesysClient

log = structlog.get_logger(__name__)

REFUSALS = (PermissionMissing, UserContextNeeded, RequestRejected)
ASK_AGAIN_AFTER = 600.0
"""Seconds until something that the organization refuses is asked for once more."""

LONGEST_PAUSE = 60.0
STEADY_SECONDS = 30.0
"""A socket that lasted so long was a good one: the next is opened at once."""

KEPT_SECONDS = 3600.0
"""How long the events of an agent keep coming after a recording: the next one's start is then confirmed by an event."""
KEPT_AGENTS = 200
NAMED = 5
"""Agents whom a problem names."""

NOBODY: frozenset[str] = frozenset()
NOTHING = Subscribed(NOBODY, NOBODY)


class Notifications:
    """CallNews over a notification channel of the platform. There is no channel while nobody is followed."""

    def __init__(self, client: GenesysClient) -> None:
        self.problem: str | None = None
        """Why news of all who are followed don't flow; None while they do, or nobody is followed."""

        self._refusal: tuple[str, float] | None = None
        """Why Genesys refused any notifications, and until when that counts."""
        self._denied: dict[str, tuple[str, float]] = {}
        """Agents of whose calls Genesys refused to tell, why, and until when that counts."""
        self._client = client
        self._clock = client.clock
        self._live = self._users = NOBODY
        self._kept: dict[str, float] = {}
        """Agents without a live recording whose events keep coming, the latest last, and until when."""
        self._changed = asyncio.Event()
        self._channel: Channel | None = None
        self._subscribed = NOTHING
        self._flowing = NOBODY, NOBODY, NOBODY
        """Those who are permitted, those who are followed, and who is both."""
        self._ask_again_at = math.inf
        self._failures = 0
        self._most_topics = MOST_TOPICS
        self._said: frozenset[str] | None = None
        """The agents of the last logged problem, so that it is logged once."""
        self._client.events.flowing = lambda: self.flowing
        self._client.events.expect = self._expect

    @property
    def flowing(self) -> frozenset[str]:
        """The agents whose news arrive now. The call monitor asks for each of thousands of recordings."""
        permitted, users, flowing = self._flowing
        if permitted is not self._subscribed.permitted or users is not self._users:
            permitted, users = self._subscribed.permitted, self._users
            flowing = permitted & users
            self._flowing = permitted, users, flowing
        return flowing

    def denies(self, user_id: str) -> str | None:
        """Return why Genesys doesn't tell of an agent's calls; None if it does, or nobody has asked yet."""
        now = self._clock.monotonic()
        known = (self._refusal, self._denied.get(user_id))
        return next((one[0] for one in known if one is not None and now < one[1]), None)

    @property
    def refused(self) -> frozenset[str]:
        """The agents whose news Genesys refuses, as it said when they were last asked for."""
        return self._subscribed.refused & self._users

    @property
    def why_refused(self) -> str:
        """Why Genesys refuses them, in its words, such as the permission to grant; empty if it doesn't say."""
        return self._subscribed.why_not if self.refused else ""

    async def follow(self, user_ids: frozenset[str]) -> None:
        """Subscribe to the calls of these agents from now on, and to no others. Returns at once."""
        for user_id in self._live - user_ids & self._subscribed.permitted:
            self._keep(user_id)
        self._live = user_ids
        self._choose()
        if self._subscribed is not NOTHING:
            self._note_problem()

    def _expect(self, user_id: str) -> None:
        """Subscribe to the calls of an agent on whose call a recording begins."""
        self._keep(user_id)
        self._choose()

    def _keep(self, user_id: str) -> None:
        self._kept.pop(user_id, None)
        self._kept[user_id] = self._clock.monotonic() + KEPT_SECONDS

    def _choose(self) -> None:
        now = self._clock.monotonic()
        room = max(0, min(KEPT_AGENTS, self._most_topics - len(self._live)))
        current = [user_id for user_id, until in self._kept.items() if until > now and user_id not in self._live]
        self._kept = {user_id: self._kept[user_id] for user_id in current[len(current) - min(room, len(current)) :]}
        users = self._live | self._kept.keys()
        if users != self._users:
            self._users = users
            self._changed.set()

    async def run(self, on_news: OnNews, on_gap: OnGap) -> None:
        """Dispatch events forever. ``on_gap`` is told whose events start to flow: earlier ones were missed."""
        inbox, context = Inbox(on_news, on_gap), await asyncio.to_thread(trust)
        try:
            async with aiohttp.ClientSession() as session:
                while True:
                    await self._somebody()
                    await self._clock.sleep(await self._one_stream(session, context, inbox, on_gap))
        finally:
            await inbox.close()

    async def _somebody(self) -> None:
        while not self._users:
            self._changed.clear()
            await self._changed.wait()

    async def _one_stream(
        self, session: aiohttp.ClientSession, context: ssl.SSLContext, inbox: Inbox, on_gap: OnGap
    ) -> float:
        """Listen for as long as it goes well, and return how many seconds to wait before the next time."""
        began = self._clock.monotonic()
        try:
            await self._listen(session, context, inbox, on_gap)
        except REFUSALS as refused:
            self._channel = None
            self._refusal = (str(refused), self._clock.monotonic() + ASK_AGAIN_AFTER)
            return self._lost(f"Genesys refuses notifications: {refused}", ASK_AGAIN_AFTER)
        except (NotFound, ChannelGone) as gone:
            self._channel = None
            return self._lost(f"The notification channel is gone: {gone}", self._pause(began))
        except (GenesysError, StreamOver) as error:
            return self._lost(f"No notifications at the moment: {error}", self._pause(began))
        except Exception:
            self._channel = None
            self.problem = "The notifications failed unexpectedly; subscribing again."
            raise
        finally:
            self._subscribed = NOTHING
        self.problem = None
        return 0.0

    def _lost(self, problem: str, pause: float) -> float:
        log.warning("notifications_lost", problem=problem, next_in=pause)
        self.problem = problem
        return pause

    def _pause(self, began: float) -> float:
        if self._clock.monotonic() - began >= STEADY_SECONDS:
            self._failures = 0
        self._failures += 1
        return 0.0 if self._failures == 1 else min(2.0 ** (self._failures - 2), LONGEST_PAUSE)

    async def _listen(
        self, session: aiohttp.ClientSession, context: ssl.SSLContext, inbox: Inbox, on_gap: OnGap
    ) -> None:
        """Listen on the channel until nobody is followed or it has to be renewed."""
        channel = self._channel = self._channel_in_force() or await open_channel(self._client)
        stream = await Stream.connect(session, channel, self._clock, context)
        try:
            while self._users and self._channel_in_force():
                self._changed.clear()
                if self._subscription_due():
                    await self._subscribe(channel, on_gap)
                message = await stream.next(self._changed, until=min(channel.renew_at, self._ask_again_at))
                news = read_news(message)
                if news is not None and news.user_id in self._users:
                    self._client.events.publish(news.conversation_id, news.reading)
                    inbox.put(news)
        finally:
            await stream.close()

    def _channel_in_force(self) -> Channel | None:
        channel = self._channel
        return channel if channel is not None and self._clock.monotonic() < channel.renew_at else None

    def _subscription_due(self) -> bool:
        asked = self._subscribed.asked
        return (
            bool(chosen(self._users, first=asked, most=self._most_topics) - asked)
            or self._clock.monotonic() >= self._ask_again_at
        )

    async def _subscribe(self, channel: Channel, on_gap: OnGap) -> None:
        """Ask for the agents who are followed now; those who no longer are drop out by the way."""
        before, users = self._subscribed, self._users
        now = self._subscribed = await self._as_many_as_possible(channel, users, before)
        self._refusal = None
        self._note_denied(now)
        self._ask_again_at = self._clock.monotonic() + ASK_AGAIN_AFTER if now.refused else math.inf
        self._note_problem()
        if begun := now.permitted - before.permitted:
            on_gap(begun)

    def _note_denied(self, now: Subscribed) -> None:
        """Remember who is refused, also once nobody is followed, for as long as nothing is asked again."""
        until = self._clock.monotonic() + ASK_AGAIN_AFTER
        kept = {user_id: known for user_id, known in self._denied.items() if user_id not in now.permitted}
        self._denied = kept | dict.fromkeys(now.refused, (now.why_not or "refused", until))

    def _note_problem(self) -> None:
        """Say whose recordings go without events; of agents without one nobody needs to know."""
        self.problem = _problem(self._subscribed, self._live, self._most_topics)
        refused = self._subscribed.refused & self._live
        said = None if self.problem is None else refused
        if said is not None and said != self._said:
            log.warning("notification_topics_refused", problem=self.problem, agents=sorted(refused))
        self._said = said

    async def _as_many_as_possible(self, channel: Channel, users: frozenset[str], before: Subscribed) -> Subscribed:
        """Subscribe to as many agents as the channel accepts; the others' calls are polled instead."""
        while True:
            these = chosen(users, first=before.permitted, most=self._most_topics)
            try:
                return await subscribe(self._client, channel, these)
            except TooManyTopics as refused:
                if len(these) == 1:
                    raise
                self._most_topics = len(these) // 2
                log.warning("notification_topics_reduced", topics=self._most_topics, cause=str(refused))


def _problem(subscribed: Subscribed, users: frozenset[str], most: int) -> str | None:
    queues = frozenset(one for one in users if one.startswith(QUEUE_SOURCE))
    said = [
        _refused(subscribed, users - queues, "agents", "The bot reads their calls every half a minute instead."),
        _refused(subscribed, queues, "queues", "Rules for them act up to a minute late, by the list of live calls."),
    ]
    if any(said):
        return " ".join(filter(None, said))
    if subscribed.asked and not users <= subscribed.asked and len(users) > most:
        return f"A channel takes {most} topics at most, and {len(users)} agents are being recorded."
    return None


def _refused(subscribed: Subscribed, wanted: frozenset[str], kind: str, instead: str) -> str:
    """Say of which agents, or queues, Genesys refuses to tell, why, and what the bot does instead; else nothing."""
    refused = sorted(one.removeprefix(QUEUE_SOURCE) for one in subscribed.refused & wanted)
    if not refused:
        return ""
    why = f" ({subscribed.why_not})" if subscribed.why_not else ""
    named = ", ".join(refused[:NAMED]) + (f" and {len(refused) - NAMED} more" if len(refused) > NAMED else "")
    asked = len(subscribed.asked & wanted)
    return f"Genesys refuses notifications of {len(refused)} of {asked} {kind}{why}: {named}. {instead}"
