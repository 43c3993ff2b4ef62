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
    │   ├── AlreadySnoozed
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
from bot.errors.refusals import (
    AboutRecording,
    AgentNotFound,
    AlreadyRecording,
    AlreadySnoozed,
    AlreadyWaitingForCall,
    ApprovalClosed,
    AuditUnavailable,
    Duplicate,
    IdentityUnconfirmed,
    MalformedId,
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
    "AlreadyRecording",
    "AlreadySnoozed",
    "AlreadyWaitingForCall",
    "ApprovalClosed",
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
    "LoginRefused",
    "MalformedId",
    "MalformedPeriod",
    "NoAgentConnected",
    "NoCallEvents",
    "NotAVoiceCall",
    "NotFound",
    "NotInEffect",
    "NotOnACall",
    "NotPermitted",
    "NotWaiting",
    "NothingToStop",
    "OutOfScope",
    "OutcomeUnknown",
    "PermissionMissing",
    "RateLimited",
    "ReasonRefused",
    "RecordBotError",
    "RecordingNotSaid",
    "Refused",
    "RequestRejected",
    "RequestTooLarge",
    "SettingsError",
    "SeveralAgents",
    "SeveralCalls",
    "SeveralRecordings",
    "ShuttingDown",
    "TooLate",
    "TooManyRequests",
    "UserContextNeeded",
    "WrongState",
]
