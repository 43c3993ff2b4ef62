"""Compares the policy file's rules with the settings: what a setting rules out is refused before the bot serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.settings import GenesysSettings
from bot.errors import ReasonRefused
from bot.recording.keeping.keep_mode import KeepMode
from bot.recording.policy import RuleAction
from bot.recording.requests import ReasonRules

if TYPE_CHECKING:
    from bot.config.settings import RecordingSettings
    from bot.recording.policy import Policy, Rule


def rules_against_settings(policy: Policy, settings: RecordingSettings) -> tuple[str, ...]:
    """Return a sentence for each rule that the settings rule out."""
    found = []
    for number, rule in enumerate(policy.rules, start=1):
        if problem := _problem(rule, settings):
            found.append(f"{policy.source}, [[always]] {number}, {problem}")
    return tuple(found)


def _problem(rule: Rule, settings: RecordingSettings) -> str:
    if isinstance(settings, GenesysSettings) and settings.genesys_recording_api == "sessions":
        return (
            "do: with GENESYS_RECORDING_API=sessions no notifications tell when a call connects. Remove the rule, or "
            "use GENESYS_RECORDING_API=conversations."
        )
    if rule.action is RuleAction.KEEP and settings.recording_keep is KeepMode.NEVER:
        return (
            'do: "keep" is ruled out by RECORDING_KEEP=never. Set RECORDING_KEEP=ask, so that people and rules can '
            "keep recordings, or remove the rule."
        )
    reasons = ReasonRules(settings.recording_reasons, required=settings.recording_reason_required)
    try:
        reasons.read(rule.reason)
    except ReasonRefused:
        names = ", ".join(settings.recording_reasons)
        return (
            "reason: RECORDING_REASON_REQUIRED is set, so it has to begin with one of the reasons of "
            f"RECORDING_REASONS: {names}."
        )
    return ""
