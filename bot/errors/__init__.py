"""Every error that the bot raises on purpose, with its facts.

::

    RecordBotError
    ├── NotPermitted              the person may not do this
    │   └── OutOfScope
    ├── IdentityUnconfirmed       Slack could not say who somebody is; nobody acts on a guess
    ├── Refused                   the request can't be carried out; nothing was sent to Genesys
    │   ├── MalformedId
    │   ├── ReasonRefused
    │   ├── MalformedPeriod
    │   ├── MalformedLength
    │   ├── AboutRecording
    │   │   ├── AlreadyRecording
    │   │   └── WrongState
    │   ├── AgentNotFound
    │   ├── SeveralCalls
    │   ├── NotOnACall
    │   ├── AlreadyWaitingForCall
    │   ├── NotWaiting
    │   ├── NoCallEvents
    │   ├── NothingToStop
    │   ├── SeveralRecordings
    │   ├── ShuttingDown
    │   ├── ApprovalClosed
    │   ├── ApprovalPending
    │   ├── AlreadySnoozed
    │   ├── AlreadyExtended
    │   ├── KeepUnavailable
    │   ├── AlreadyKept
    │   ├── NothingToKeep
    │   ├── ReleaseHeld
    │   ├── TooManyRequests
    │   └── TooLate
    ├── Duplicate                 the same request was delivered twice; the first one counts
    ├── AuditUnavailable          the trail can't be written, so nothing was done
    ├── GenesysError              what Genesys answered, or didn't; carries the evidence
    │   ├── NotFound
    │   │   └── CallNotFound
    │   ├── CallEnded
    │   ├── NotAVoiceCall
    │   ├── NoAgentConnected
    │   ├── SeveralAgents
    │   ├── AgentLeft
    │   ├── CallOnHold
    │   ├── PermissionMissing
    │   ├── UserContextNeeded
    │   ├── LoginRefused
    │   ├── RequestRejected
    │   │   └── RequestTooLarge   fewer entries in one request, please
    │   ├── Conflict
    │   ├── RateLimited
    │   ├── GenesysUnavailable    nothing had been sent that changes anything
    │   │   └── RecordingNotSaid  it answers, and leaves open whether the call is being recorded
    │   ├── NoRecordingFound      of a call whose recordings are to be kept
    │   ├── NotKept
    │   ├── RecordingNotStored    yet
    │   ├── NothingToPlay
    │   ├── StillTranscoding
    │   ├── OutcomeUnknown        a change was sent, and nobody knows yet whether it took effect
    │   └── NotInEffect           a later reading found that it did not
    ├── SettingsError             a setting is wrong or missing
    └── DatabaseUnusable          the database can't be opened, or isn't ours

An error carries facts; ``bot.i18n.error_messages`` and the command line turn them into sentences.
"""

from bot.errors.genesys import (
    AgentLeft,
    CallEnded,
    CallNotFound,
    CallOnHold,
    Conflict,
    ConnectedAgent,
    Evidence,
    GenesysError,
    GenesysUnavailable,
    LoginRefused,
    NoAgentConnected,
    NotAVoiceCall,
    NotFound,
    NotInEffect,
    OutcomeUnknown,
    PermissionMissing,
    RateLimited,
    RecordingNotSaid,
    RequestRejected,
    RequestTooLarge,
    SeveralAgents,
    UserContextNeeded,
)
from bot.errors.keeping import (
    AlreadyKept,
    KeepUnavailable,
    NoRecordingFound,
    NothingToKeep,
    NothingToPlay,
    NotKept,
    RecordingNotStored,
    ReleaseHeld,
    StillTranscoding,
)
from bot.errors.refusals import (
    AboutRecording,
    AgentNotFound,
    AlreadyExtended,
    AlreadyRecording,
    AlreadySnoozed,
    AlreadyWaitingForCall,
    ApprovalClosed,
    ApprovalPending,
    AuditUnavailable,
    Duplicate,
    IdentityUnconfirmed,
    MalformedId,
    MalformedLength,
    MalformedPeriod,
    NoCallEvents,
    NothingToStop,
    NotOnACall,
    NotPermitted,
    NotWaiting,
    OutOfScope,
    ReasonRefused,
    Refused,
    SeveralCalls,
    SeveralRecordings,
    ShuttingDown,
    TooLate,
    TooManyRequests,
    WrongState,
)
from bot.errors.root import DatabaseUnusable, RecordBotError, SettingsError

__all__ = [
    "AboutRecording",
    "AgentLeft",
    "AgentNotFound",
    "AlreadyExtended",
    "AlreadyKept",
    "AlreadyRecording",
    "AlreadySnoozed",
    "AlreadyWaitingForCall",
    "ApprovalClosed",
    "ApprovalPending",
    "AuditUnavailable",
    "CallEnded",
    "CallNotFound",
    "CallOnHold",
    "Conflict",
    "ConnectedAgent",
    "DatabaseUnusable",
    "Duplicate",
    "Evidence",
    "GenesysError",
    "GenesysUnavailable",
    "IdentityUnconfirmed",
    "KeepUnavailable",
    "LoginRefused",
    "MalformedId",
    "MalformedLength",
    "MalformedPeriod",
    "NoAgentConnected",
    "NoCallEvents",
    "NoRecordingFound",
    "NotAVoiceCall",
    "NotFound",
    "NotInEffect",
    "NotKept",
    "NotOnACall",
    "NotPermitted",
    "NotWaiting",
    "NothingToKeep",
    "NothingToPlay",
    "NothingToStop",
    "OutOfScope",
    "OutcomeUnknown",
    "PermissionMissing",
    "RateLimited",
    "ReasonRefused",
    "RecordBotError",
    "RecordingNotSaid",
    "RecordingNotStored",
    "Refused",
    "ReleaseHeld",
    "RequestRejected",
    "RequestTooLarge",
    "SettingsError",
    "SeveralAgents",
    "SeveralCalls",
    "SeveralRecordings",
    "ShuttingDown",
    "StillTranscoding",
    "TooLate",
    "TooManyRequests",
    "UserContextNeeded",
    "WrongState",
]
