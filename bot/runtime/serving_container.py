"""The second half of the composition root: everything between recording control and Slack, for ``serve``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from slack_sdk.signature import SignatureVerifier

from bot.database.foreign_writes import ForeignWrites
from bot.database.queries.pending_work import SqlPendingWork
from bot.database.replicas import replicas_of
from bot.i18n.catalog import ENGLISH, read_languages
from bot.recording.caller import Role
from bot.recording.control.user_rate_limit import LookupLimit
from bot.recording.monitoring.reconciler import Reconciler
from bot.runtime.background import (
    approvals_worker,
    foreign_writes_worker,
    health_worker,
    keep_answers_worker,
    keeps_worker,
    next_calls_worker,
    reconciler_worker,
    refusals_worker,
    relay_workers,
)
from bot.runtime.container import (
    Control,
    call_news,
)
from bot.runtime.health import Readiness
from bot.runtime.http_server import Pages
from bot.runtime.serving_parts import FORGOTTEN_AFTER, ServingParts
from bot.runtime.workers import Worker
from bot.slack.app import EVENTS_PATH, HttpEndpoint, bolt_app
from bot.slack.blocks.card import CardStyle
from bot.slack.listeners.background import Work
from bot.slack.listeners.context import ListenerContext
from bot.slack.people.users import SlackPeople
from bot.slack.request_age import RequestAges
from bot.slack.shared_channels import SharedChannels, may_ask
from bot.slack.socket_mode import PING_SECONDS, SocketModeConnections

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import aiohttp
    from aiohttp.typedefs import Handler
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.config.settings import ServeSettings
    from bot.database.replicas import Replicas
    from bot.outbox.audit_channel import AuditPublisher
    from bot.outbox.cards import CardPublisher
    from bot.slack.client import SlackIdentity
    from bot.slack.slack_clock import SlackClock

TRIAL_EVERY_SECONDS = 5.0
"""How often to ask Genesys whether it is back."""
LOOK_UPS_EACH = 4
"""Look-ups of the list of calls allowed for each action: Slack asks again while a person types."""


@dataclass(frozen=True, slots=True)
class Bot:
    """The finished parts of ``serve``; nothing is added to them later."""

    work: Work
    replicas: Replicas
    readiness: Readiness
    pages: Pages
    routes: dict[str, Handler]
    socket: SocketModeConnections | None
    cards: CardPublisher
    audit: AuditPublisher
    settle_interrupted: Callable[[], Awaitable[None]]
    first: tuple[Worker, ...]
    """Workers that take a step before the first request is taken."""
    workers: tuple[Worker, ...]
    """Workers of each process, and those that only the leader runs."""


def serving(
    settings: ServeSettings,
    control: Control,
    client: AsyncWebClient,
    session: aiohttp.ClientSession,
    identity: SlackIdentity,
    slack_clock: SlackClock,
    *,
    socket_ping: float = PING_SECONDS,
) -> Bot:
    """Build all parts of ``serve`` on recording control. Nothing runs yet.

    ``socket_ping`` is how often, in seconds, a socket to Slack is tried out.
    """
    secret = settings.slack_signing_secret.get_secret_value() if settings.slack_signing_secret else None
    ages = RequestAges(slack_clock)
    app = bolt_app(client, identity, signing_secret=secret, watch=control.observing.request, ages=ages)
    work, owner = Work(), control.requests.owner
    context = listener_context(settings, control, client, identity, work)
    replicas = replicas_of(owner, control.engines, control.store)
    news = call_news(settings, control.genesys)
    pending = SqlPendingWork(control.engines, control.store.changes(), control.clock)
    parts = ServingParts(
        settings, control, client, session, context, replicas, pending, slack_clock, identity.scopes, news
    )
    cards, audit = parts.publishers()
    digester = parts.digester()
    routes, socket = _transport(settings, app, control, secret, socket_ping)
    readiness = Readiness(
        control=control,
        cards=cards.pace,
        audit=audit.pace,
        groups=context.people.groups,
        digests=None if digester is None else digester.pace,
        news=news,
        replicas=replicas,
        sockets=() if socket is None else socket.states,
    )
    homes = parts.homes(readiness.check, readiness.gaps)
    parts.register(app, homes)
    reconciler = reconciler_worker(
        Reconciler(control.service, control.clock, owner, replicas), control.store.changes(), pending
    )
    approvals = approvals_worker(control.approvals, control.store.changes(), pending)
    keeps = keeps_worker(partial(control.keeper.step, replicas.absent), control.store.changes(), pending)
    limit = control.requests.limit
    foreign = ForeignWrites.to(control.engines, control.store.announce)
    return Bot(
        work=work,
        replicas=replicas,
        readiness=readiness,
        pages=Pages(check=readiness.check, scrape=readiness.scrape),
        routes=routes,
        socket=socket,
        cards=cards,
        audit=audit,
        settle_interrupted=parts.settle_interrupted,
        first=(reconciler, approvals),
        workers=(
            reconciler,
            approvals,
            keeps,
            *(() if foreign is None else (foreign_writes_worker(foreign.check),)),
            keep_answers_worker(parts.keep_answers(), pending),
            *relay_workers(cards, audit, parts.notifier(), homes, digester, pending),
            next_calls_worker(parts.next_calls.notifier(), pending),
            *parts.monitors(news),
            Worker("forgotten_requests", parts.settle_forgotten, every=FORGOTTEN_AFTER.total_seconds() / 2),
            *parts.retention(),
            health_worker(control.genesys.check_health, TRIAL_EVERY_SECONDS),
            refusals_worker(partial(limit.note, control.store, control.clock)),
            Worker("request_ages", ages.run, leader_only=False),
            *(() if socket is None else (Worker("socket_mode", socket.run, leader_only=False),)),
        ),
    )


def english_style(settings: ServeSettings, team_id: str) -> CardStyle:
    """Return the style of what everybody reads: in English, with links to the interactions of this region."""
    return CardStyle(
        team_id=team_id,
        words=read_languages().of(ENGLISH),
        interaction_url=settings.genesys_interaction_url.replace("{region}", settings.purecloud_environment),
        reason_labels=settings.recording_reasons,
        keep=settings.keeps_recordings,
    )


def listener_context(
    settings: ServeSettings, control: Control, client: AsyncWebClient, identity: SlackIdentity, work: Work
) -> ListenerContext:
    ids = {
        Role.SUPERVISOR: settings.slack_supervisors,
        Role.COMPLIANCE: settings.slack_compliance,
        Role.LISTENER: settings.slack_listeners,
    }
    people = SlackPeople(
        client, identity.team_id, ids, control.clock, control.policy.grants, enterprise_id=identity.enterprise_id
    )
    languages = read_languages()
    style = english_style(settings, identity.team_id)
    look_ups = LookupLimit(control.clock, LOOK_UPS_EACH * settings.recording_actions_per_minute)
    shared = SharedChannels(client, control.clock, may_ask=may_ask(identity.scopes))
    return ListenerContext(control.service, people, work, style, languages, client, look_ups, shared)


def _transport(
    settings: ServeSettings, app: AsyncApp, control: Control, secret: str | None, ping: float
) -> tuple[dict[str, Handler], SocketModeConnections | None]:
    token = settings.slack_app_token
    if token is not None:
        connections = SocketModeConnections.open(
            app,
            token.get_secret_value(),
            control.clock,
            ping_seconds=ping,
            count=settings.slack_sockets,
        )
        return {}, connections
    return {EVENTS_PATH: HttpEndpoint(app, SignatureVerifier(secret or "")).handle}, None
