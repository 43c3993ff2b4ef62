"""The format of credentials, and the message about a wrong one, which never quotes it."""

from __future__ import annotations

import re

KINDS = {
    "xoxb-": "a bot token, which belongs in SLACK_BOT_TOKEN",
    "xapp-": "an app-level token, which belongs in SLACK_APP_TOKEN",
    "xoxp-": "a user's token: the bot's own stands under OAuth & Permissions as Bot User OAuth Token",
    "xoxe": "a token that expires, which the bot can't renew: use an app without token rotation",
}
"""Slack's tokens by their prefixes, and what to do with one in the wrong setting."""
ONE_WORD = re.compile(r"[!-~]+")


def checked_word(value: str) -> str:
    """Return a possible id or secret. Raise ValueError for artifacts of copying: blanks, line ends, dashes."""
    if not ONE_WORD.fullmatch(value):
        raise ValueError("it is empty, or holds a blank, a line break or a special character: copy it again")
    return value


def checked_token(value: str, beginning: str) -> str:
    """Return a possible Slack token with this prefix. Raise ValueError with what it is instead."""
    if not value.startswith(beginning):
        kind = _kind(value)
        raise ValueError(f"it must begin with {beginning}" + (f". What stands there is {kind}" if kind else ""))
    return checked_word(value)


def checked_signing_secret(value: str) -> str:
    """Return a possible signing secret. Raise ValueError for a token."""
    if kind := _kind(value):
        raise ValueError(f"what stands there is {kind}; the signing secret stands under Basic Information")
    return checked_word(value)


def _kind(value: str) -> str:
    return next((what for beginning, what in KINDS.items() if value.startswith(beginning)), "")
