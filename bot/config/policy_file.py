"""The policy file: who may control which calls, which stops take two supervisors, where cards go, and rules.

::

    [[grant]]
    label = "Sales"
    who = ["S0SALES", "U0ANNA"]        # Slack user groups and users
    queues = ["<queue id>"]            # Genesys ids
    agents = ["<user id>"]

    [dual_control]
    queues = ["<queue id>"]
    within = "2m"                      # how long the second supervisor has
    pause_longer_than = "5m"           # a pause that is to last longer needs a second supervisor too
    escalate = "S0LEADS"               # a user group that is named when nobody confirms a stop

    [[route]]
    queues = ["<queue id>"]
    channel = "C0BILLING"              # gets a card of each recording of these queues too

    [[always]]
    label = "Sales"                    # the trail names it: rule Sales
    queues = ["<queue id>"]
    do = "start"                       # or "keep": what the bot does by itself with each of these calls
    reason = "Quality review"
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from bot.audit.storable import visible
from bot.errors import SettingsError
from bot.recording.policy import DualControl, Grant, Policy, Route, Rule, RuleAction
from bot.recording.requests import REASON_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
LEAST, MOST = timedelta(seconds=10), timedelta(hours=24)
UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NO_CALLS = "no_calls"
LABEL_TWICE = "label_twice"
LABEL_LIMIT = 60
"""Characters of a rule's label, which stands in each line of the audit channel about it."""
ADVICE = {
    "label": 'give it a name in quotation marks, such as label = "Sales"',
    "who": "list at least one Slack user or user group",
    "queues": "list at least one queue",
    "channel": 'use the id of a Slack channel, such as channel = "C0BILLING"',
    "within": 'use a time from 10s to 24h, such as "90s" or "2m"',
    "pause_longer_than": 'use a time from 10s to 24h, such as "90s" or "5m"',
    "do": 'use do = "start" or do = "keep"',
    "reason": 'say why the bot does this, such as reason = "Quality review"',
    "escalate": 'use the id of one Slack user group, such as escalate = "S0LEADS"',
}
"""What to do about a key that is missing or wrong."""
MEMBERS = {
    "who": "a Slack user id (U…, W…) or user group id (S…)",
    "queues": "the id of a Genesys queue",
    "agents": "the id of a Genesys user",
}
"""What is in the lists."""


def load_policy(path: Path, *, required: bool = False) -> Policy:
    """Read the policy file; without one nobody is limited. Raise SettingsError, a sentence for each thing wrong."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except FileNotFoundError:
        if required:
            raise SettingsError((f"The policy file {path} (RECORDING_POLICY_FILE) doesn't exist.",)) from None
        return Policy()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"Can't read the policy file {path}: {error}.",)) from None
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise SettingsError((f"The policy file {path} is nested too deeply.",)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError((f"The policy file {path} is not TOML: {error}.",)) from None
    try:
        policy = _File.model_validate(found).policy(source=str(path))
    except ValidationError as error:
        problems = dict.fromkeys(map(_problem, error.errors(include_url=False)))
        raise SettingsError(tuple(f"{path}{said}." for said in problems)) from None
    return replace(policy, digest=hashlib.sha256(content).hexdigest())


def _as_genesys_writes(genesys_id: str) -> str:
    """Return a UUID in lower case: in capitals it would be no call's, and guard nothing."""
    return genesys_id.lower() if UUID_FORM.fullmatch(genesys_id) else genesys_id


def _without_invisible(label: str) -> str:
    """Refuse a label that looks like another one, or ends the line in which it stands."""
    if visible(label) != label or not label.isprintable():
        raise PydanticCustomError("invisible", "characters that can't be seen")
    return label


def _time(value: object) -> timedelta:
    parts = re.fullmatch(r"([1-9]\d{0,4})([smh])", value) if isinstance(value, str) else None
    within = None if parts is None else timedelta(**{UNITS[parts[2]]: int(parts[1])})
    if within is None or not LEAST <= within <= MOST:
        raise PydanticCustomError("time", "not a time from 10s to 24h")
    return within


SlackId = Annotated[str, StringConstraints(pattern=r"^[UWS][A-Z0-9]{2,}$")]
GroupId = Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]{2,}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CG][A-Z0-9]{2,}$")]
GenesysId = Annotated[str, StringConstraints(pattern=r"^[^\s,;]+$"), AfterValidator(_as_genesys_writes)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
RuleLabel = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LABEL_LIMIT),
    AfterValidator(_without_invisible),
]
RuleReason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_LIMIT)]
Time = Annotated[timedelta, BeforeValidator(_time)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Calls(_Table):
    """Some calls: those of some queues, and those of some agents."""

    queues: list[GenesysId] = []
    agents: list[GenesysId] = Field(default=[], validate_default=True)

    @field_validator("agents")
    @classmethod
    def _any(cls, agents: list[str], info: ValidationInfo) -> list[str]:
        if not agents and info.data.get("queues") == []:
            raise PydanticCustomError(NO_CALLS, "no queue and no agent")
        return agents


class _Grant(_Calls):
    label: Label
    who: list[SlackId] = Field(min_length=1)

    def grant(self) -> Grant:
        return Grant(self.label, tuple(self.who), frozenset(self.queues), frozenset(self.agents))


class _DualControl(_Calls):
    within: Time = DualControl().within
    escalate: GroupId | None = None
    pause_longer_than: Time | None = None

    def dual_control(self) -> DualControl:
        return DualControl(
            frozenset(self.queues), frozenset(self.agents), self.within, self.escalate, self.pause_longer_than
        )


class _Route(_Table):
    queues: list[GenesysId] = Field(min_length=1)
    channel: ChannelId

    def route(self) -> Route:
        return Route(frozenset(self.queues), self.channel)


class _Always(_Calls):
    label: RuleLabel
    do: Literal["start", "keep"]
    reason: RuleReason

    def rule(self) -> Rule:
        return Rule(self.label, RuleAction(self.do), self.reason, frozenset(self.queues), frozenset(self.agents))


class _File(_Table):
    grant: list[_Grant] = []
    dual_control: _DualControl | None = None
    route: list[_Route] = []
    always: list[_Always] = []

    @field_validator("always")
    @classmethod
    def _each_its_own(cls, always: list[_Always]) -> list[_Always]:
        """Refuse a label that is given twice: the trail could not tell the rules apart."""
        known = set[str]()
        for number, table in enumerate(always, start=1):
            if table.label.casefold() in known:
                raise PydanticCustomError(LABEL_TWICE, "given twice", {"number": number, "label": table.label})
            known.add(table.label.casefold())
        return always

    def policy(self, source: str) -> Policy:
        return Policy(
            grants=tuple(table.grant() for table in self.grant),
            dual_control=DualControl() if self.dual_control is None else self.dual_control.dual_control(),
            source=source,
            routes=tuple(table.route() for table in self.route),
            rules=tuple(table.rule() for table in self.always),
        )


TABLES: dict[str, type[_Table]] = {"grant": _Grant, "dual_control": _DualControl, "route": _Route, "always": _Always}


def _problem(error: ErrorDetails) -> str:
    """Say which key of which table is wrong, and what to do about it; the file's name goes before it."""
    table, *rest = error["loc"]
    if error["type"] == LABEL_TWICE:
        number, label = error["ctx"]["number"], error["ctx"]["label"]
        return f", [[always]] {number}, label: {label!r} is the label of an earlier rule; give each rule its own"
    if error["type"] == "extra_forbidden" and not rest:
        return _unknown(table, "", _File)
    return _in_table(str(table), rest, error)


def _in_table(table: str, rest: list[int | str], error: ErrorDetails) -> str:
    where = f"[{table}]"
    if table != "dual_control":
        if len(rest) < 2:  # noqa: PLR2004  a number and a key: else it is no table in a list
            return f", {table}: write each {table} as [[{table}]], in double brackets"
        where = f"[[{table}]] {int(rest[0]) + 1}"
        rest = rest[1:]
    if not rest:
        return f", {table}: write it as {where}"
    key = rest[0]
    match error["type"]:
        case "extra_forbidden":
            return _unknown(key, f", {where}", TABLES[table])
        case _ if error["type"] == NO_CALLS:
            return f", {where}: list at least one queue or agent"
        case "list_type":
            said = "write a list in square brackets"
        case "string_too_long":
            said = f"shorten it to at most {error['ctx']['max_length']:,} characters"
        case "invisible":
            said = "use only characters that can be seen, in one line"
        case _ if len(rest) > 1:
            said = f"{error['input']!r} is not {MEMBERS[str(key)]}"
        case _:
            said = ADVICE[str(key)]
    return f", {where}, {key}: {said}"


def _unknown(key: Any, where: str, table: type[_Table]) -> str:
    return f"{where}: unknown key {key!r}. Allowed: {', '.join(sorted(table.model_fields))}"
