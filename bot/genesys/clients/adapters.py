"""The adapters of the domain's ports: a plain one for one OAuth client, else one that chooses between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.genesys.clients.control import ClientsControl
from bot.genesys.clients.directory import ClientsDirectory, ClientsSavedRecordings
from bot.genesys.clients.files import ClientsCallFiles
from bot.genesys.clients.notifications import ClientsNotifications
from bot.genesys.clients.people import ClientsPeople
from bot.genesys.live_calls.directory import GenesysDirectory
from bot.genesys.notifications.subscriber import Notifications
from bot.genesys.people.search import GenesysPeople
from bot.genesys.recording.conversations import ConversationsControl
from bot.genesys.recording_files.files import GenesysRecordingFiles
from bot.genesys.recording_files.metadata import GenesysSavedRecordings

if TYPE_CHECKING:
    from bot.genesys.clients.pool import GenesysClients


def control(clients: GenesysClients) -> ConversationsControl | ClientsControl:
    if not clients.several:
        return ConversationsControl(clients.first)
    return ClientsControl(clients, {client: ConversationsControl(client) for client in clients.clients})


def directory(clients: GenesysClients) -> GenesysDirectory | ClientsDirectory:
    if not clients.several:
        return GenesysDirectory(clients.first)
    return ClientsDirectory(clients, {client: GenesysDirectory(client) for client in clients.clients})


def saved_recordings(clients: GenesysClients) -> GenesysSavedRecordings | ClientsSavedRecordings:
    if not clients.several:
        return GenesysSavedRecordings(clients.first)
    return ClientsSavedRecordings(clients, {client: GenesysSavedRecordings(client) for client in clients.clients})


def call_files(clients: GenesysClients) -> GenesysRecordingFiles | ClientsCallFiles:
    if not clients.several:
        return GenesysRecordingFiles(clients.first)
    return ClientsCallFiles(clients, {client: GenesysRecordingFiles(client) for client in clients.clients})


def people(clients: GenesysClients) -> GenesysPeople | ClientsPeople:
    if not clients.several:
        return GenesysPeople(clients.first)
    return ClientsPeople(clients, {client: GenesysPeople(client) for client in clients.clients})


def notifications(clients: GenesysClients) -> Notifications | ClientsNotifications:
    if not clients.several:
        return Notifications(clients.first)
    return ClientsNotifications(clients, {client: Notifications(client) for client in clients.clients})
