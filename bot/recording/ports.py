"""The domain's ports, as Protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from bot.audit.entry import Draft, Entry
    from bot.recording.agents.next_call import NextCall, NextCallNotice
    from bot.recording.agents.people import AgentStatus, PeopleFound
    from bot.recording.call import LiveList, Participant
    from bot.recording.caller import Scope
    from bot.recording.card import Card, CardPlace
    from bot.recording.keeping.keep import KeepRows
    from bot.recording.keeping.recording_files import RecordingFileCheck, SavedRecording
    from bot.recording.models import (
        Approval,
        ApprovalOutcome,
        Attempt,
        ConfirmedChange,
        Conversation,
        Recording,
        Target,
    )
    from bot.recording.notices import Notice
    from bot.recording.time_limits.snooze import Reminder, Snooze

T = TypeVar("T")


class Clock(Protocol):
    """Time, injected so that tests control it."""

    def now(self) -> datetime:
        """Return the wall-clock time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """Genesys asked to wait: the next try comes after this many seconds."""

    seconds: float


Progress = Callable[[Waiting], Awaitable[None]]
"""Called when an action has to wait, so that the person can be informed."""


async def tell_nobody(_waiting: Waiting) -> None:
    """Tell nobody that an action has to wait."""


Permit = Callable[["Participant | None"], None]
"""Asked once the call was read and before anything is sent: raises NotPermitted where this agent's side (None: it can't
be told whose) is not in the person's scope."""


class TakenOver(Exception):
    """Another process has taken the attempt over, and settles it; this write was not sent."""


StillOurs = Callable[[], Awaitable[None]]
"""Called right before each write to Genesys: raises TakenOver where the attempt is another process's by now, and
AuditUnavailable where nobody can tell.

A process that stood still for some seconds is taken for dead, and people are told how its attempts ended."""


async def nobody_else() -> None:
    """Allow a write that no other process could have taken over."""


class Priority(Enum):
    """The origin of a request to Genesys; people go before background work under a limit."""

    PERSON = "person"
    LOOP = "loop"


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """The deadline of a change, who hears of waits, the check of who owns the attempt, and the priority.

    ``deadline`` is a reading of the clock's ``monotonic``; nothing is begun after it.
    """

    deadline: float
    progress: Progress
    still_ours: StillOurs
    priority: Priority = Priority.PERSON


class RecordingControl(Protocol):
    """Starts and stops recordings in Genesys, and confirms the effect by reading.

    All methods raise the GenesysError branch of ``bot.errors``: ``OutcomeUnknown`` when a change was sent and could
    not be confirmed, ``GenesysUnavailable`` when nothing had been sent yet, ``CallEnded`` when the call is over. What
    ``still_ours`` raises is passed on. ``read_call`` takes a ``deadline`` as in ``ChangeOptions``.
    """

    async def start(
        self, target: Target, how: ChangeOptions, *, reason_code: str | None, permit: Permit
    ) -> ConfirmedChange:
        """Record the call. What ``permit`` raises is passed on, and then nothing was sent that changes anything."""

    async def stop(self, target: Target, how: ChangeOptions) -> ConfirmedChange: ...

    async def pause(self, target: Target, how: ChangeOptions) -> ConfirmedChange: ...

    async def resume(self, target: Target, how: ChangeOptions) -> ConfirmedChange: ...

    async def read_call(
        self, target: Target, *, deadline: float, progress: Progress, priority: Priority = Priority.PERSON
    ) -> Conversation:
        """Read the call's current state, with one request if possible. Raise CallEnded when it is over."""


class ConversationDirectory(Protocol):
    """Lists the calls that agents are on now. Raises the GenesysError branch of ``bot.errors``."""

    async def live_calls(self, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        """Return the live voice calls. What a list can't say (names, agents, participant ids) may be missing."""

    async def with_recording(
        self, seen: LiveList, *, deadline: float, priority: Priority = Priority.PERSON
    ) -> LiveList:
        """Return the list with missing recording states from Genesys; unchanged if it can't.

        An error of Genesys is none here.
        """


class AgentCallDirectory(ConversationDirectory, Protocol):
    """Also lists the calls of one agent."""

    async def live_calls_of(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> LiveList:
        """Return the calls that one agent is talking on; other agents of them may be missing."""


class PeopleDirectory(Protocol):
    """Finds agents. Raises the GenesysError branch of ``bot.errors``."""

    async def find(self, words: str, *, deadline: float, priority: Priority = Priority.PERSON) -> PeopleFound:
        """Return the active users whom a name or an e-mail address may mean."""

    async def status(self, user_id: str, *, deadline: float, priority: Priority = Priority.PERSON) -> AgentStatus:
        """Return whether an agent is at work."""


class NameDirectory(Protocol):
    """Returns the names of agents and queues. Raises the GenesysError branch of ``bot.errors``."""

    async def names(
        self, kind: str, ids: frozenset[str], *, deadline: float, priority: Priority = Priority.PERSON
    ) -> dict[str, str]:
        """Return the names by id; ``kind`` is ``user`` or ``queue``. Ids that nobody knows are missing."""


class NameStore(Protocol):
    """The known names, by kind (``user``, ``queue``) and id."""

    async def known(self, keys: frozenset[tuple[str, str]]) -> dict[tuple[str, str], str]: ...

    async def remember(self, names: dict[tuple[str, str], str], seen_at: datetime) -> None:
        """Store names for cards and lists, and when they were last seen. Raise AuditUnavailable on failure.

        Redraw the cards of live and of the newest recordings that show a new name.
        """

    async def unnamed(self) -> frozenset[tuple[str, str]]:
        """Return the agents and queues of live recordings, and queues of the newest ones, whose names we don't know."""


class CallEvents(Protocol):
    """Pushes events of calls, if the organization allows it."""

    @property
    def flowing(self) -> frozenset[str]:
        """The agents whose news arrive now."""

    async def follow(self, user_ids: frozenset[str]) -> None:
        """Subscribe to the calls of these agents from now on, and to no others. Returns at once."""


class StaleRecordingError(RuntimeError):
    """The recording was changed since it was read; inside one transaction that can't happen."""


class Transaction(Protocol):
    """The steps of one write transaction. Transactions run one after another, so a read stays true until the end."""

    @property
    def keeps(self) -> KeepRows:
        """Return the steps about keeping recordings."""

    def append(self, draft: Draft) -> Entry:
        """Add an entry to the end of the chain."""

    def keep_text(self, attempt_id: UUID, text: str, typed_at: datetime) -> str:
        """Keep what a person typed, erasable, and return its salted digest for the entry."""

    def attempt_with_key(self, dedupe_key: str) -> UUID | None: ...

    def requests_of(
        self, actor: str, verbs: frozenset[str], *, since: datetime, upto: datetime, limit: int
    ) -> tuple[datetime, ...]:
        """Return when a person asked for such things, the newest first, refused requests included."""

    def add_attempt(self, attempt: Attempt, *, dedupe_key: str | None) -> None: ...

    def add_closed_attempt(
        self, attempt_id: UUID, *, verb: str, actor: str, at: datetime, dedupe_key: str | None
    ) -> None: ...

    def forget_closed_attempts(self, actor: str, verb: str, *, before: datetime) -> None:
        """Remove a person's closed attempts of a kind of which no entry tells."""

    def claim_attempt(self, attempt: Attempt, owner: str) -> bool:
        """Take over an open attempt from its owner; False if another process was faster."""

    def settle_attempt(self, attempt: Attempt, at: datetime, *, looks: int = 0) -> bool:
        """Close the attempt; False if it is closed or has another owner, and then nothing may be written for it."""

    def note_check(self, attempt: Attempt, looks_left: int) -> None: ...

    def recording(self, recording_id: UUID) -> Recording | None: ...

    def live_recording(self, conversation_id: str) -> Recording | None: ...

    def live_or_newest_recording(self, conversation_id: str) -> Recording | None:
        """Return the call's live recording, else its newest.

        The live one may be an older one: a start that was given up and took effect late.
        """

    def live_recordings_of(self, actor: str) -> tuple[Recording, ...]: ...

    def add_recording(
        self,
        recording: Recording,
        *,
        channel: str | None,
        asked_by: str,
        language: str | None = None,
        first: bool = False,
    ) -> None:
        """Add a recording, and its card if there is a channel for it; ``first``: the call has no earlier one."""

    def save(self, after: Recording, *, was: Recording) -> Recording:
        """Store the recording if the stored one still has the version of ``was``, and return it with the next version.

        Raise StaleRecordingError if it has another one.
        """

    def newest_recording(
        self, conversation_id: str, *, telling_whose: bool = False, that_began: bool = False
    ) -> Recording | None:
        """Return the call's newest recording; ``telling_whose``: of those whose agent or queue is known.

        ``that_began``: of those whose start did not fail.
        """

    def card_place(self, recording_id: UUID) -> CardPlace | None:
        """Return where a recording's card is; None if it has none."""

    def add_approval(self, approval: Approval) -> None:
        """Add a stop that waits for a second supervisor; there is at most one open for a recording."""

    def approval(self, approval_id: UUID) -> Approval | None: ...

    def open_approval(self, recording_id: UUID) -> Approval | None:
        """Return the recording's approval that nobody has closed yet, whether or not its time is up."""

    def close_approval(self, approval: Approval, at: datetime, *, by: str, outcome: ApprovalOutcome) -> bool:
        """Close the approval; False if it is already closed."""

    def reminder(self, recording_id: UUID) -> Reminder | None:
        """Return the newest reminder that a recording has run long; None if nobody was reminded."""

    def snooze(self, reminder: Reminder, answer: Snooze, audit_seq: int) -> None:
        """Note that the recording is still needed; ``audit_seq`` is the number of the entry that says so."""

    def add_notices(self, due: Iterable[Notice], at: datetime) -> None:
        """Add direct messages, each once; the relay of notices sends them."""

    def typed_text(self, attempt_id: UUID) -> str | None:
        """Return what a person typed with a request; None if it was nothing, or was erased."""

    def add_next_call(self, next_call: NextCall) -> None:
        """Add a wait for an agent's next call; there is at most one open for a person and an agent."""

    def next_call(self, next_call_id: UUID) -> NextCall | None: ...

    def open_next_calls(self, agent_user_id: str) -> tuple[NextCall, ...]:
        """Return the waits for an agent's next call that nobody has ended, oldest first."""

    def close_next_call(self, after: NextCall) -> bool:
        """Store how a wait ended; False if it was over."""

    def note_logout(self, next_call_id: UUID, at: datetime) -> None:
        """Note that the agent logged out; the wait goes on."""

    def note_next_call(self, next_call_id: UUID, kind: NextCallNotice, at: datetime) -> None:
        """Have the person who waits told, once."""

    def remember_name(self, kind: str, name_id: str, name: str, seen_at: datetime) -> None: ...

    def note_file_check(self, read_call: RecordingFileCheck, looks: int, next_at: datetime | None) -> bool:
        """Store a check for a recording's file; False if another process made it, and then nothing may be written."""

    def saved_recordings(self, recording_id: UUID) -> tuple[SavedRecording, ...]: ...

    def keep_saved(self, recording_id: UUID, saved: SavedRecording) -> None: ...


class RecordingStore(Protocol):
    """The store of recordings and their trail."""

    async def write(self, work: Callable[[Transaction], T], *, within: float | None = None) -> T:
        """Run ``work`` in one transaction that is on disk when this returns, whatever happens to the caller.

        ``work`` is run in the thread that writes. Where the database ends the transaction, ``work`` runs again in a
        new one, so it may change nothing outside; after ``within`` seconds nothing is tried again. Raise
        AuditUnavailable when it can't be written; then nothing of it is there.
        """

    async def recording(self, recording_id: UUID) -> Recording | None: ...

    async def live_recording(self, conversation_id: str) -> Recording | None: ...

    async def live_recordings(self, *, limit: int = 200) -> tuple[Recording, ...]: ...

    async def newest_recording(self, conversation_id: str) -> Recording | None: ...

    async def recorded_before(self, conversation_ids: frozenset[str]) -> frozenset[str]:
        """Return those of the calls of which a recording of ours is over."""

    async def recordings_to_follow(self) -> tuple[Recording, ...]:
        """Return those that ended when their agent left, and for which it is to be found out who took over."""

    async def limited_recordings(self) -> tuple[Recording, ...]:
        """Return the live recordings that end by themselves, or whose pause does, oldest first."""

    async def scope_of(self, recording_id: UUID) -> Scope | None:
        """Return the scope of the person who started a recording, as it was then; None: every call."""

    async def attempt_recording(self, attempt_id: UUID) -> Recording | None:
        """Return the recording that an attempt was about."""

    async def with_names(self, found: Sequence[Recording]) -> tuple[Card, ...]:
        """Return recordings with the names of their agents and queues, as far as they are known."""

    async def card_channel(self, recording_id: UUID) -> str | None:
        """Return the channel that the recording was asked for in; None if it has no card."""

    async def card_answered(self, recording_id: UUID) -> None:
        """Note that the person was told that the start failed, so that its card need not be posted."""

    async def show_again(self, recording_id: UUID) -> None:
        """Redraw the recording's card, whatever it shows now."""

    async def still_owned(self, attempt: Attempt) -> bool:
        """Return whether an attempt is open and still its owner's. Raise AuditUnavailable if it can't be read."""

    async def open_attempts(self) -> tuple[Attempt, ...]:
        """Return the attempts without an outcome, oldest first."""

    async def open_approvals(self) -> tuple[Approval, ...]:
        """Return the stops that wait for a second supervisor, oldest first."""

    async def attempts_to_check(self) -> tuple[Attempt, ...]:
        """Return the settled attempts whose call is still to be looked at, oldest first."""
