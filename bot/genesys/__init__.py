"""The driven adapter to Genesys Cloud, and the only place that imports its SDK (which takes two seconds)."""

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
from bot.genesys.transport.health import GenesysHealth, RateBudget, RequestSeen

__all__ = [
    "ConversationsControl",
    "Finding",
    "GenesysAccount",
    "GenesysClient",
    "GenesysDirectory",
    "GenesysHealth",
    "GenesysPeople",
    "GenesysRecordingFiles",
    "GenesysSavedRecordings",
    "Notifications",
    "RateBudget",
    "RequestSeen",
    "SessionsControl",
    "call_volume",
    "check",
    "login_advice",
]
