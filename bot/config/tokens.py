"""The format of credentials, and the message about a wrong one, which never quotes it."""

from __future__ import annotations

import re

KINDS = {
    "xoxb-": "a bot token; it belongs in SLACK_BOT_TOKEN",
    "xapp-": "an app-level token; it belongs in SLACK_APP_TOKEN",
    "xoxp-": "a user token; use the Bot User OAuth Token from OAuth & Permissions",
    "xoxe": "an expiring token, which record-bot can't renew; turn off token rotation in the Slack app",
}
"""Slack's tokens by their prefixes, and what to do with one in the wrong setting."""
ONE_WORD = re.compile(r"[!-~]+")


def checked_word(value: str) -> str:
    """Return a possible id or secret. Raise ValueError for artifacts of copying: blanks, line ends, dashes."""
    if not ONE_WORD.fullmatch(value):
        raise ValueError("is empty or contains a space, line break or special character; copy it again")
    return value


def checked_token(value: str, beginning: str) -> str:
    """Return a possible Slack token with this prefix. Raise ValueError with what it is instead."""
    if not value.startswith(beginning):
        kind = _kind(value)
        raise ValueError(f"must start with {beginning}" + (f". This is {kind}" if kind else ""))
    return checked_word(value)


def checked_signing_secret(value: str) -> str:
    """Return a possible signing secret. Raise ValueError for a token."""
    if kind := _kind(value):
        raise ValueError(f"this is {kind}; the signing secret is under Basic Information")
    return checked_word(value)


def _kind(value: str) -> str:
    return next((what for beginning, what in KINDS.items() if value.startswith(beginning)), "")
