"""A simulated Slack: a workspace with people, channels and one app, that enforces Slack's rules."""

from bot.sandbox.slack.delivery import DeliveryResult
from bot.sandbox.slack.errors import NothingThere
from bot.sandbox.slack.grid import Enterprise
from bot.sandbox.slack.people import SLACKBOT
from bot.sandbox.slack.server import SimulatedSlack
from bot.sandbox.slack.webapi import SlackRequest
from bot.sandbox.slack.workspace import BOT_USER, SimulatedMessage

__all__ = [
    "BOT_USER",
    "SLACKBOT",
    "DeliveryResult",
    "Enterprise",
    "NothingThere",
    "SimulatedMessage",
    "SimulatedSlack",
    "SlackRequest",
]
