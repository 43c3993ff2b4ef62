"""The vendor's own SDK against the simulator: what it sends is understood, what it gets fits its models."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

import pytest

from bot.sandbox.genesys.state import seed
from tests.unit.sandbox.genesys.genesys_client import genesys_running

if TYPE_CHECKING:
    from pathlib import Path

    from bot.sandbox.genesys import SimulatedGenesys


@pytest.fixture(autouse=True)
def _home_that_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the SDK from watching all of the developer's home for its settings, as it does as long as it has none.

    Its thread would take note of every file that any process reads there, for as long as the worker runs.
    """
    (tmp_path / ".genesyscloudpython").mkdir()
    (tmp_path / ".genesyscloudpython" / "config").write_text("[general]\nlive_reload_config = false\n")
    monkeypatch.setenv("HOME", str(tmp_path))


def _sdk(genesys: SimulatedGenesys) -> tuple[Any, Any]:
    sdk = importlib.import_module("PureCloudPlatformClientV2")  # takes seconds: only these tests pay
    client = sdk.ApiClient(host=genesys.url)
    client.get_client_credentials_token(genesys.client_id, genesys.client_secret)
    return sdk, client


async def test_the_sdk_reads_and_changes_calls() -> None:
    def use(genesys: SimulatedGenesys) -> None:
        sdk, client = _sdk(genesys)
        conversations = sdk.ConversationsApi(client)
        for conversation_id, call in genesys.calls.items():
            seen = conversations.get_conversations_call(conversation_id)
            assert (seen.recording_state, seen.secure_pause) == (call.recording, call.secure_pause)
            assert len(conversations.get_conversation(conversation_id).participants) == len(call.participants)
        chat = conversations.get_conversation(seed.CHAT)
        assert chat.participants[0].chats[0].state == "connected"

        wanted = sdk.MediaParticipantRequest()
        wanted.recording = True
        agent = genesys.calls[seed.INBOUND].agents[0]
        conversations.patch_conversation_participant(seed.INBOUND, agent.id, wanted)
        assert conversations.get_conversations_call(seed.INBOUND).recording_state == "active"
        pause = sdk.SetRecordingState()
        pause.recording_state = "PAUSED"
        conversations.put_conversations_call_recordingstate(seed.INBOUND, pause)
        assert conversations.get_conversations_call(seed.INBOUND).secure_pause is True
        (saved,) = sdk.RecordingApi(client).get_conversation_recordingmetadata(seed.ENDED)
        assert saved.file_state == "AVAILABLE"

    async with genesys_running() as (genesys, _):
        genesys.seed()
        await asyncio.to_thread(use, genesys)


async def test_the_sdk_lists_calls_and_follows_them() -> None:
    def use(genesys: SimulatedGenesys) -> None:
        sdk, client = _sdk(genesys)
        query = {
            "metrics": [{"metric": "oInteracting", "details": True}],
            "groupBy": ["userId"],
        }
        found = sdk.AnalyticsApi(client).post_analytics_conversations_activity_query(query)
        assert sum(len(group.entities) for group in found.results) == 8
        channel = sdk.NotificationsApi(client).post_notifications_channels()
        topic = f"v2.users.{genesys.calls[seed.INBOUND].agents[0].user_id}.conversations.calls"
        listing = sdk.NotificationsApi(client).put_notifications_channel_subscriptions(channel.id, [{"id": topic}])
        assert [(entity.id, entity.state) for entity in listing.entities] == [(topic, "Permitted")]

    async with genesys_running() as (genesys, _):
        genesys.seed()
        await asyncio.to_thread(use, genesys)


async def test_the_sdk_sends_null_for_no_body_and_a_session_stops_all_the_same() -> None:
    def use(genesys: SimulatedGenesys) -> None:
        _, client = _sdk(genesys)

        def send(path: str, body: object = None) -> Any:
            return client.call_api(
                f"/api/v2/recording/sessions{path}",
                "POST",
                body=body,
                header_params={"Content-Type": "application/json"},
                response_type="object",
                auth_settings=["PureCloud OAuth"],
            )

        session = send("", {"conversationId": seed.INBOUND})
        assert session["status"] == "active"
        assert send(f"/{session['id']}/stop")["status"] == "stopped"

    async with genesys_running() as (genesys, _):
        genesys.seed()
        await asyncio.to_thread(use, genesys)
        assert genesys.effective_recording(seed.INBOUND) == "none"
