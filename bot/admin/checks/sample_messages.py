"""A sample of everything that the bot shows in Slack, at its greatest length, for ``check`` to validate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bot.audit.entry import GENESIS_HASH, Draft, Entry, Phase, chain, timestamp
from bot.audit.reports.summary import ACTORS_NAMED, HOURS, OTHERS, Activity, Lengths, Summary, Unresolved
from bot.outbox.audit_channel import LINES_IN_A_MESSAGE
from bot.recording.caller import Principal, Role, Scope
from bot.recording.card import Card
from bot.recording.keeping.keep import Keep, KeepState, KeepVerb
from bot.recording.keeping.recording_files import SavedRecording
from bot.recording.models import Approval, Mechanism, Recording, RecordingState, Verb
from bot.recording.monitoring.reminders import TOGETHER_AT_MOST, OpenNotice
from bot.recording.notices import Notice, NoticeKind, Result
from bot.recording.requests import REASON_LIMIT, ReasonRules
from bot.recording.time_limits.snooze import Snooze
from bot.slack.blocks.audit import line as lines
from bot.slack.blocks.card import NAME_SHOWN, card
from bot.slack.blocks.home.today import Today
from bot.slack.blocks.home.view import LIVE_SHOWN, RECENT_SHOWN, HomeFacts, home_view, plain_view, stranger_text
from bot.slack.blocks.notice import SharedReminder, answered, notice, reminders
from bot.slack.blocks.reports import digest
from bot.slack.blocks.start_modal import OPTION_TEXT, OPTIONS_LIMIT, Form, option, start_view
from bot.slack.charts import as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.i18n.catalog import Translations
    from bot.slack.blocks.card import CardStyle

CALL = "00000000-0000-4000-8000-000000000000"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=99)
EDIT_CHARACTERS, POST_CHARACTERS = 4_000, 40_000
"""What ``chat.update`` and ``chat.postMessage`` take as text."""
ONE_ID = UUID(int=1)
PAUSED = frozenset({NoticeKind.LONG_PAUSE, NoticeKind.PAUSE_ENDS})
ABOUT_TIME = frozenset(
    {NoticeKind.PAUSE_ENDS, NoticeKind.RECORDING_ENDS, NoticeKind.LIMIT_FAILED, NoticeKind.PAUSE_LEFT_ON}
)
LONG_NAME = ("Wolfeschlegelsteinhausen & Söhne <Ltd> " * 4)[: NAME_SHOWN + 20]


@dataclass(frozen=True, slots=True)
class Sample:
    """A message's arguments, or a view; ``name`` says what it is and in which language."""

    name: str
    payload: dict[str, Any]
    is_view: bool = False
    text_limit: int = EDIT_CHARACTERS
    """Characters that Slack takes beside the blocks."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Renders samples with the current settings: their reasons, link to an interaction, and languages."""

    style: CardStyle
    languages: Translations
    reasons: ReasonRules

    def all(self) -> Iterator[Sample]:
        for language, words in self.languages.known.items():
            style = self.style.in_(words)
            yield from (replace(one, name=f"{one.name} ({language})") for one in self._of(style))
        yield from self._evidence()

    def _of(self, style: CardStyle) -> Iterator[Sample]:
        yield from self._cards(style)
        yield from self._notices(style)
        yield from self._windows(style)
        yield from self._homes(style)

    def _cards(self, style: CardStyle) -> Iterator[Sample]:
        shown = [(state.value, self._card(style, state=state)) for state in RecordingState]
        shown.append(("outcome unknown", self._card(style, in_doubt=True)))
        policy = self._card(style, mechanism=Mechanism.POLICY, adopted=True, error="not_permitted")
        shown.append(("by policy, with an error", policy))
        waiting = replace(self._card(style), approval=self._approval(style), shared_channel=True, posts_begun=2)
        shown.append(("a stop that waits, in a shared channel", waiting))
        paused = self._card(style, state=RecordingState.PAUSED)
        longer = replace(self._approval(style), verb=Verb.PAUSE)
        shown.append(("a longer pause that waits", replace(paused, approval=longer)))
        kept = replace(policy, recording=replace(policy.recording, state=RecordingState.ENDED, ended_at=LATER))
        shown += [(f"{one.verb.value}, {one.state.value}", replace(kept, keep=one)) for one in self._keeps(style)]
        for name, one in shown:
            text, blocks = card(one, style)
            yield Sample(f"card: {name}", {"text": text, "blocks": blocks})

    def _keeps(self, style: CardStyle) -> Iterator[Keep]:
        """Yield requests to keep and to release in every state, with all that a card can say of them."""
        for verb in KeepVerb:
            for state in KeepState:
                yield Keep(
                    UUID(int=1),
                    CALL,
                    verb,
                    _person(style, 0),
                    NOON,
                    10**9,
                    state=state,
                    next_at=LATER,
                    error="permission_missing",
                    permission="p" * OPTION_TEXT,
                    annotation="permission_missing",
                    annotation_permission="p" * OPTION_TEXT,
                    settled_at=None if state is KeepState.WAITING else LATER,
                )

    def _notices(self, style: CardStyle) -> Iterator[Sample]:
        for kind in NoticeKind:
            for result in Result if kind is NoticeKind.OUTCOME_SETTLED else (None,):
                name = f"notice: {kind.value}{f', {result.value}' if result else ''}"
                yield Sample(name, notice(self._open_notice(style, kind, result), style, LATER))
        yield Sample("notice: answered", answered(self._open_notice(style, NoticeKind.LONG_PAUSE, None), None, style))
        many = [SharedReminder(self._open_notice(style, NoticeKind.LONG_RECORDING, None))] * TOGETHER_AT_MOST
        yield Sample("notice: several reminders", reminders(many, style, LATER))
        until = Snooze(NOON, LATER, _person(style, 0))
        snoozed = replace(self._open_notice(style, NoticeKind.LONG_RECORDING, None), snooze=until)
        results = [SharedReminder(snoozed, done=True)] * TOGETHER_AT_MOST
        yield Sample("notice: several answered reminders", reminders(results, style, LATER))

    def _windows(self, style: CardStyle) -> Iterator[Sample]:
        options = tuple(option(LONG_NAME, f"{number:0150}", LONG_NAME) for number in range(OPTIONS_LIMIT))
        full = Form(
            "C0SAMPLE", found=options, agents=options, call=options[0], agent=options[0], note="n" * REASON_LIMIT
        )
        for name, form in (("empty", Form("C0SAMPLE")), ("full", full)):
            view = start_view(
                form, style.words, self.reasons, notice="!" * REASON_LIMIT, calls_note=LONG_NAME, at_most=LATER - NOON
            )
            yield Sample(f"start window: {name}", view, is_view=True)

    def _homes(self, style: CardStyle) -> Iterator[Sample]:
        actor = _person(style, 0)
        cards = [self._card(style, id=UUID(int=number + 1)) for number in range(LIVE_SHOWN + 1)]
        over = [self._card(style, state=RecordingState.STOPPED) for _ in range(RECENT_SHOWN)]
        both = Principal(actor, frozenset(Role), scope=Scope(), grants=())
        today = Today(self._summary(style), "America/Argentina/ComodRivadavia")
        full = HomeFacts(both, live=cards, recent=over, today=today)
        limited = HomeFacts(
            replace(both, scope=Scope(everything=False), grants=("g" * OPTION_TEXT,) * 20), live=cards[:1]
        )
        for name, facts in (("everything", full), ("a limited supervisor", limited)):
            yield Sample(f"App Home: {name}", home_view(facts, style, NOON)[0], is_view=True)
        stranger = stranger_text(Principal(actor, denial_reason="guest"), style.words)
        yield Sample("App Home: a guest", plain_view(stranger, style.words, NOON)[0], is_view=True)

    def _evidence(self) -> Iterator[Sample]:
        """Yield samples that are the same in every language: lines of the audit channel, and a digest."""
        phases = list(Phase)
        entries = [
            (self._entry(number, phases[number % len(phases)]), True) for number in range(1, LINES_IN_A_MESSAGE + 1)
        ]
        yield Sample("audit lines", lines.message(entries, self.style), text_limit=POST_CHARACTERS)
        facts = {"day": "2026-03-01", "zone": "UTC", "head_seq": 41, "head_hash": GENESIS_HASH}
        outcome = facts | self._summary(self.style).facts()
        entry = self._entry(42, Phase.OBSERVED, action="audit:digest", actor="bot", outcome=outcome)
        chart = digest.day_chart(entry)
        found = digest.message(
            entry, self.style, again=True, chart=chart, drawn=None if chart is None else as_text(chart)
        )
        yield Sample("daily digest", found, text_limit=POST_CHARACTERS)

    def _card(self, style: CardStyle, **changes: Any) -> Card:
        actor = _person(style, 0)
        begun = Recording(
            id=ONE_ID,
            conversation_id=CALL,
            state=RecordingState.ACTIVE,
            version=2,
            started_by=actor,
            requested_at=NOON,
            mechanism=Mechanism.ADHOC,
            reason_code=max(self.reasons.labels, key=len, default=None),
            reason="r" * REASON_LIMIT,
            started_at=NOON,
            audit_seq=1_000_000,
            paused_seconds=100_000,
        )
        recording = replace(begun, **changes)
        if recording.state is RecordingState.PAUSED:
            recording = replace(recording, paused_at=NOON, pause_until=NOON + timedelta(hours=4), pause_seconds=14_400)
        if recording.state is RecordingState.ACTIVE:
            recording = replace(recording, run_until=NOON + timedelta(days=1), run_seconds=86_400)
        if recording.state.final:
            recording = replace(recording, ended_at=NOON + timedelta(days=1), ended_by=actor, error="error")
        saved = SavedRecording("s", "available", started_at=NOON, ended_at=NOON + timedelta(days=1))
        return Card(
            recording,
            "C0SAMPLE",
            actor,
            agent_name=LONG_NAME,
            queue_name=LONG_NAME,
            saved=(saved,) * 10 if recording.state is RecordingState.ENDED else (),
            startable=recording.state is RecordingState.STOPPED,
        )

    def _approval(self, style: CardStyle) -> Approval:
        return Approval(ONE_ID, ONE_ID, Verb.STOP, _person(style, 0), NOON, NOON + timedelta(minutes=2))

    def _open_notice(self, style: CardStyle, kind: NoticeKind, result: Result | None) -> OpenNotice:
        over = kind is NoticeKind.CALL_ENDED or result is Result.CALL_ENDED
        state = RecordingState.ENDED if over else RecordingState.ACTIVE
        shown = self._card(style, state=RecordingState.PAUSED if kind in PAUSED else state)
        return OpenNotice(
            Notice(
                kind, ONE_ID, timestamp(NOON) if kind in ABOUT_TIME else "1", _person(style, 0), 7, Verb.STOP, result
            ),
            shown.recording,
            asked_at=NOON,
            agent_name=LONG_NAME,
            queue_name=LONG_NAME,
            posts_begun=1,
            approval=self._approval(style) if kind is NoticeKind.STOP_WAITS else None,
        )

    def _summary(self, style: CardStyle) -> Summary:
        actions = [f"recording:{verb.value}" for verb in Verb] + ["audit:export", "audit:read", "bot:start", "bot:stop"]
        return Summary(
            counts={action: dict.fromkeys((phase.value for phase in Phase), 1_000_000) for action in actions},
            recordings=Lengths(1_000_000, 10**9, 10**6, CALL),
            denials={_person(style, number): 1_000 for number in range(ACTORS_NAMED)} | {OTHERS: 1_000},
            unresolved=Unresolved(1_000, 1_000, 1_000, 1_000, 1_000),
            activity=Activity(started=(1,) * HOURS),
        )

    def _entry(self, seq: int, phase: Phase, **changes: Any) -> Entry:
        draft = Draft(
            id=UUID(int=seq),
            attempt_id=ONE_ID,
            occurred_at=NOON,
            phase=phase,
            action="recording:start",
            actor=_person(self.style, 0),
            conversation_id=CALL,
            reason_code=max(self.reasons.labels, key=len, default=None),
            reason_digest="0" * 64,
            origin={"shared_channel": True},
            outcome={}
            if phase in {Phase.REQUESTED, Phase.SUCCEEDED}
            else {"error": "not_permitted", "http_status": 403},
        )
        return chain(replace(draft, **changes), seq=1_000_000 + seq, previous_hash=GENESIS_HASH)


def _person(style: CardStyle, number: int) -> str:
    return f"slack:{style.team_id}:U0SAMPLE{number:03}"
