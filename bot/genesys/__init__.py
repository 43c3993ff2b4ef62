"""The driven adapter to Genesys Cloud, and the only place that imports its SDK (which takes two seconds)."""

from bot.genesys.clients import adapters
from bot.genesys.clients.notifications import ClientsNotifications
from bot.genesys.clients.pool import GenesysClients
from bot.genesys.finding import Finding
from bot.genesys.live_calls.call_volume import call_volume
from bot.genesys.live_calls.directory import GenesysDirectory
from bot.genesys.notifications.subscriber import Notifications
from bot.genesys.people.search import GenesysPeople
from bot.genesys.permission_check import check, login_advice
from bot.genesys.recording.conversations import ConversationsControl
from bot.genesys.recording.sessions import SessionsControl
from bot.genesys.recording_files.files import GenesysRecordingFiles
from bot.genesys.recording_files.metadata import GenesysSavedRecordings
from bot.genesys.transport.client import GenesysAccount, GenesysClient
from bot.genesys.transport.deadline import unattended
from bot.genesys.transport.health import GenesysHealth, RateBudget, RequestSeen

__all__ = [
    "ClientsNotifications",
    "ConversationsControl",
    "Finding",
    "GenesysAccount",
    "GenesysClient",
    "GenesysClients",
    "GenesysDirectory",
    "GenesysHealth",
    "GenesysPeople",
    "GenesysRecordingFiles",
    "GenesysSavedRecordings",
    "Notifications",
    "RateBudget",
    "RequestSeen",
    "SessionsControl",
    "adapters",
    "call_volume",
    "check",
    "login_advice",
    "unattended",
]
