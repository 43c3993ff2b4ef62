"""The driven adapter to Genesys Cloud, and the only place that imports its SDK (which takes two seconds)."""

from bot.genesys.check import check
from bot.genesys.client import GenesysAccount, GenesysClient
from bot.genesys.conversations import ConversationsControl
from bot.genesys.directory import GenesysDirectory
from bot.genesys.finding import Finding
from bot.genesys.health import GenesysHealth, RateBudget, RequestSeen
from bot.genesys.notifications import Notifications
from bot.genesys.saved import GenesysSavedRecordings
from bot.genesys.sessions import SessionsControl

__all__ = [
    "ConversationsControl",
    "Finding",
    "GenesysAccount",
    "GenesysClient",
    "GenesysDirectory",
    "GenesysHealth",
    "GenesysSavedRecordings",
    "Notifications",
    "RateBudget",
    "RequestSeen",
    "SessionsControl",
    "check",
]
