"""What the commands import, for the process that forked commands start from (``forked.py``)."""

from __future__ import annotations

import gc

import bot.admin.archive
import bot.admin.checks.check
import bot.admin.data
import bot.cli.control.call_check
import bot.cli.control.recording
import bot.cli.init
import bot.cli.main
import bot.genesys
import bot.runtime.serve  # noqa: F401  preloaded
import tests.support.clocks.steady_time
import tests.support.forked  # noqa: F401  preloaded: the functions that a forked process begins with
from bot.genesys.transport.sdk import sdk

for _api in ("AnalyticsApi", "ConversationsApi", "NotificationsApi", "RecordingApi", "RoutingApi", "UsersApi"):
    getattr(sdk, _api)  # which the bot loads with its first request of each

gc.freeze()
