"""``record-bot check --call ID``: a real start and stop on a test call, through the same code as every action.

This shows what no read shows: whether Genesys accepts a start from an OAuth client, and what it answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.cli.control.recording import Terminal

if TYPE_CHECKING:
    from bot.cli.control.recording import Result
    from bot.config.settings import ControlSettings
    from bot.genesys import RequestSeen

REASON = "record-bot check"
QUESTION = (
    "This starts and stops a recording on the call {call}, and writes both into the audit trail. "
    "The people on the call must know that they may be recorded. Continue?"
)
UNASKED = (
    "record-bot check --call starts and stops a recording on a real call. There is no terminal to ask for your "
    "confirmation; add --yes."
)
TAKEN_OVER = (
    "Someone is already recording this call ad hoc, so no start was sent. That recording goes on, and record-bot shows "
    "it. Use a call that isn't being recorded."
)
NOTHING_DONE = "Nothing was done."


@dataclass(frozen=True, slots=True)
class Step:
    """One action on the test call, its result, and each answer of Genesys in between."""

    name: str
    result: Result
    answers: tuple[RequestSeen, ...]

    def lines(self) -> list[str]:
        verdict = "ok" if self.result.ok else "PROBLEM"
        return [f"{self.name}  {verdict}: {self.result.text}", *(f"    {_answer(one)}" for one in self.answers)]

    def facts(self) -> dict[str, Any]:
        return {
            "step": self.name,
            "ok": self.result.ok,
            "sentence": self.result.text,
            "result": self.result.facts,
            "answers": [_answer_facts(one) for one in self.answers],
        }


@dataclass(frozen=True, slots=True)
class CallChecked:
    """The steps taken, and what they prove."""

    call: str
    steps: tuple[Step, ...]
    conclusion: str
    proved: bool = True
    """Whether the start and the stop were seen to work, or the policy's recording to pause and go on."""

    @property
    def ok(self) -> bool:
        return self.proved and all(step.result.ok for step in self.steps) and len(self.steps) > 1

    def text(self) -> str:
        return "\n".join([line for step in self.steps for line in step.lines()] + [self.conclusion])

    def json(self) -> str:
        facts = {
            "ok": self.ok,
            "call": self.call,
            "steps": [step.facts() for step in self.steps],
            "conclusion": self.conclusion,
        }
        return json.dumps(facts, indent=2)


@dataclass(slots=True)
class CallCheck:
    """The steps on one call: a start, a stop, and if a policy records it, another start, so that it continues."""

    settings: ControlSettings
    login: str
    _answers: list[RequestSeen] = field(default_factory=list)

    async def run(self, call: str) -> CallChecked:
        terminal = Terminal(self.settings, self.login, on_request=self._answers.append)
        steps = [self._step("start", await terminal.start(call, REASON))]
        if not steps[0].result.ok:
            return CallChecked(call, tuple(steps), _refused(steps[0]))
        if steps[0].result.facts.get("adopted") and steps[0].result.facts.get("mechanism") == "adhoc":
            return CallChecked(call, tuple(steps), TAKEN_OVER, proved=False)
        steps.append(self._step("stop", await terminal.change("stop", call)))
        if not steps[1].result.ok:
            return CallChecked(
                call, tuple(steps), "The recording may still run: stop it with record-bot recording stop."
            )
        if steps[1].result.facts.get("approval"):
            conclusion = "The start works. The stop waits for a second supervisor; the recording runs until then."
            return CallChecked(call, tuple(steps), conclusion, proved=False)
        if steps[1].result.facts.get("mechanism") == "policy":
            steps.append(self._step("start again", await terminal.start(call, REASON)))
            return CallChecked(call, tuple(steps), _policy(steps[2]))
        return CallChecked(call, tuple(steps), _stopped(steps[1]))

    def _step(self, name: str, result: Result) -> Step:
        answers = tuple(self._answers)
        self._answers.clear()
        return Step(name, result, answers)


def _refused(start: Step) -> str:
    if start.result.facts.get("in_doubt") or start.result.facts.get("error") == "outcome_unknown":
        return "Whether a recording runs is not known: check the call in Genesys. serve finds out and notes it."
    return "Nothing was stopped, because nothing was started."


def _policy(again: Step) -> str:
    if not again.result.ok:
        return "The policy's recording is in secure pause and was not resumed: use record-bot recording resume."
    return (
        "A policy or trunk records this call: the stop put it in secure pause, and it goes on now. "
        "An ad-hoc recording was not tried: that takes a call that nothing records."
    )


def _stopped(stop: Step) -> str:
    if stop.result.facts.get("mechanism") == "adhoc":
        return (
            "Genesys takes a start and a stop from this OAuth client. It was a user recording: check to whose inbox "
            "Genesys has sent it."
        )
    return "The recording was started and stopped."


def _answer(seen: RequestSeen) -> str:
    said = f"HTTP {seen.status}" if seen.status is not None else str(seen.error)
    parts = [f"{seen.method} {seen.operation}: {said}", seen.code or "", f"{seen.seconds:.2f} s"]
    parts.append(f"correlation id {seen.correlation_id}" if seen.correlation_id else "")
    return ", ".join(filter(None, parts))


def _answer_facts(seen: RequestSeen) -> dict[str, Any]:
    return {
        "operation": seen.operation,
        "method": seen.method,
        "status": seen.status,
        "error": seen.error,
        "code": seen.code,
        "seconds": round(seen.seconds, 3),
        "correlation_id": seen.correlation_id,
    }
