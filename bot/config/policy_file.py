"""The policy file: who may control which calls, where a stop needs a second supervisor, and where cards go.

::

    [[grant]]
    label = "Sales"
    who = ["S0SALES", "U0ANNA"]        # Slack user groups and users
    queues = ["<queue id>"]            # Genesys ids
    agents = ["<user id>"]

    [dual_control]
    queues = ["<queue id>"]
    within = "2m"                      # how long the second supervisor has
    escalate = "S0LEADS"               # a user group that is named when nobody confirms a stop

    [[route]]
    queues = ["<queue id>"]
    channel = "C0BILLING"              # gets a card of each recording of these queues too
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import SettingsError
from bot.recording.policy import DualControl, Grant, Policy, Route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
LEAST, MOST = timedelta(seconds=10), timedelta(hours=24)
SLACK_ID = re.compile(r"[UWS][A-Z0-9]{2,}")
GROUP_ID = re.compile(r"S[A-Z0-9]{2,}")
CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,}")
GENESYS_ID = re.compile(r"[^\s,;]+")
UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def load_policy(path: Path, *, required: bool = False) -> Policy:
    """Read the policy file; without one nobody is limited. Raise SettingsError, a sentence for each thing wrong."""
    try:
        text = path.read_text(encoding="utf-8")
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
    reader = _Reader(str(path))
    policy = reader.policy(found)
    if reader.problems:
        raise SettingsError(tuple(reader.problems))
    return policy


@dataclass
class _Reader:
    """Collects all errors, to report them together."""

    file: str
    problems: list[str] = field(default_factory=list)

    def policy(self, found: Mapping[str, Any]) -> Policy:
        self._only(found, {"grant", "dual_control", "route"}, "")
        grants, routes = self._tables(found, "grant"), self._tables(found, "route")
        dual = found.get("dual_control")
        if dual is not None and not isinstance(dual, dict):
            self._wrong("dual_control", "write it as [dual_control]")
            dual = None
        return Policy(
            grants=tuple(self._grant(one, f"[[grant]] {number}") for number, one in enumerate(grants, 1)),
            dual_control=DualControl() if dual is None else self._dual_control(dual),
            source=self.file,
            routes=tuple(self._route(one, f"[[route]] {number}") for number, one in enumerate(routes, 1)),
        )

    def _tables(self, found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        tables = found.get(name, [])
        if isinstance(tables, list) and all(isinstance(one, dict) for one in tables):
            return tables
        self._wrong(name, f"write each {name} as [[{name}]], in double brackets")
        return []

    def _route(self, found: Mapping[str, Any], where: str) -> Route:
        self._only(found, {"queues", "channel"}, where)
        queues = self._ids(found, "queues", where, GENESYS_ID, "the id of a Genesys queue")
        if found.get("queues", []) == []:
            self._wrong(f"{where}, queues", "list at least one queue")
        channel = found.get("channel")
        if not isinstance(channel, str) or not CHANNEL_ID.fullmatch(channel):
            self._wrong(f"{where}, channel", 'use the id of a Slack channel, such as channel = "C0BILLING"')
            channel = ""
        return Route(frozenset(map(_as_genesys_writes, queues)), channel)

    def _grant(self, found: Mapping[str, Any], where: str) -> Grant:
        self._only(found, {"who", "queues", "agents", "label"}, where)
        label = found.get("label")
        if not isinstance(label, str) or not label.strip():
            self._wrong(f"{where}, label", 'give it a name in quotation marks, such as label = "Sales"')
            label = ""
        who = self._ids(found, "who", where, SLACK_ID, "a Slack user id (U…, W…) or user group id (S…)")
        if found.get("who", []) == []:
            self._wrong(f"{where}, who", "list at least one Slack user or user group")
        queues, agents = self._calls(found, where)
        return Grant(label.strip(), who, queues, agents)

    def _dual_control(self, found: Mapping[str, Any]) -> DualControl:
        where = "[dual_control]"
        self._only(found, {"queues", "agents", "within", "escalate"}, where)
        queues, agents = self._calls(found, where)
        escalate = found.get("escalate")
        if escalate is not None and not (isinstance(escalate, str) and GROUP_ID.fullmatch(escalate)):
            self._wrong(f"{where}, escalate", 'use the id of one Slack user group, such as escalate = "S0LEADS"')
            escalate = None
        return DualControl(queues, agents, self._within(found.get("within", "2m"), where), escalate)

    def _calls(self, found: Mapping[str, Any], where: str) -> tuple[frozenset[str], frozenset[str]]:
        what = "the id of a Genesys queue or user"
        queues = self._ids(found, "queues", where, GENESYS_ID, what)
        agents = self._ids(found, "agents", where, GENESYS_ID, what)
        if found.get("queues", []) == [] and found.get("agents", []) == []:
            self._wrong(where, "list at least one queue or agent")
        return frozenset(map(_as_genesys_writes, queues)), frozenset(map(_as_genesys_writes, agents))

    def _ids(self, found: Mapping[str, Any], key: str, where: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
        value = found.get(key, [])
        if not isinstance(value, list):
            self._wrong(f"{where}, {key}", "write a list in square brackets")
            return ()
        for one in value:
            if not isinstance(one, str) or not form.fullmatch(one):
                self._wrong(f"{where}, {key}", f"{one!r} is not {what}")
        return tuple(one for one in value if isinstance(one, str))

    def _within(self, value: object, where: str) -> timedelta:
        parts = re.fullmatch(r"([1-9]\d{0,4})([smh])", value) if isinstance(value, str) else None
        within = None if parts is None else timedelta(**{UNITS[parts[2]]: int(parts[1])})
        if within is None or not LEAST <= within <= MOST:
            self._wrong(f"{where}, within", 'use a time from 10s to 24h, such as "90s" or "2m"')
            return DualControl().within
        return within

    def _only(self, found: Mapping[str, Any], known: set[str], where: str) -> None:
        for key in found.keys() - known:
            self._wrong(where, f"unknown key {key!r}. Allowed: {', '.join(sorted(known))}")

    def _wrong(self, what: str, advice: str) -> None:
        self.problems.append(f"{', '.join(filter(None, (self.file, what)))}: {advice}.")


def _as_genesys_writes(genesys_id: str) -> str:
    """Return a UUID in lower case: in capitals it would be no call's, and guard nothing."""
    return genesys_id.lower() if UUID_FORM.fullmatch(genesys_id) else genesys_id
