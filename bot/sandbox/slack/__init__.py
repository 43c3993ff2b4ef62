"""A simulated Slack: a workspace with people, channels and one app, that enforces Slack's rules."""

from bot.sandbox.slack.errors import NothingThere
from bot.sandbox.slack.events.delivery import DeliveryResult
from bot.sandbox.slack.server import SimulatedSlack
from bot.sandbox.slack.state.grid import Enterprise
from bot.sandbox.slack.state.people import SLACKBOT
from bot.sandbox.slack.state.workspace import BOT_USER, SimulatedMessage
from bot.sandbox.slack.web_api.endpoint import SlackRequest

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
