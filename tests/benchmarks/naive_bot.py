"""The bot that somebody writes in an afternoon: the yardstick of ``tests.benchmarks.outside``.

Bolt, the Genesys SDK's typed calls, one row in SQLite, a card, and a line in the audit channel. It confirms by reading,
at once and then four times a second. It has no request entry before the call, no chain, no recovery, no scopes.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from typing import Any

from PureCloudPlatformClientV2 import ApiClient, ConversationsApi, MediaParticipantRequest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

READ_AGAIN_SECONDS = 0.25
CONFIRM_SECONDS = 20.0
AUDIT = os.environ["SLACK_AUDIT_CHANNEL"]
SUPERVISORS = {"U0ADA"}

slack = AsyncWebClient(os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"])
app = AsyncApp(client=slack, signing_secret=os.environ["SLACK_SIGNING_SECRET"])
login = ApiClient(host=os.environ["GENESYS_API_URL"]).get_client_credentials_token(
    os.environ["PURECLOUD_CLIENT_ID"], os.environ["PURECLOUD_CLIENT_SECRET"]
)
genesys = ConversationsApi(login)
database = sqlite3.connect(os.environ["NAIVE_DATABASE"], isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("PRAGMA synchronous=FULL")
database.execute("CREATE TABLE IF NOT EXISTS recordings (call TEXT, agent TEXT, who TEXT, reason TEXT, ts TEXT)")


def recorded(call_id: str, agent_id: str) -> bool:
    read = genesys.get_conversations_call(call_id)
    return any(one.id == agent_id and one.recording for one in read.participants)


def confirmed(call_id: str, agent_id: str, *, on: bool) -> bool:
    give_up = time.monotonic() + CONFIRM_SECONDS
    while recorded(call_id, agent_id) is not on:
        if time.monotonic() > give_up:
            return False
        time.sleep(READ_AGAIN_SECONDS)
    return True


def switch(call_id: str, agent_id: str, *, on: bool) -> bool:
    body = MediaParticipantRequest()
    body.recording = on
    genesys.patch_conversation_participant(call_id, agent_id, body)
    return confirmed(call_id, agent_id, on=on)


def start(call_id: str) -> tuple[str, bool]:
    call = genesys.get_conversations_call(call_id)
    agent = next(one for one in call.participants if one.purpose == "agent" and one.state == "connected")
    return agent.id, switch(call_id, agent.id, on=True)


def card(text: str, call_id: str, *, live: bool) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": text}}]
    if live:
        button = {"type": "button", "text": {"type": "plain_text", "text": "Stop"}, "action_id": "s", "value": call_id}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": text, "blocks": blocks}


@app.command("/record")
async def on_command(ack: AsyncAck, command: dict[str, str]) -> None:
    verb, call_id, reason = (command["text"] + "  ").split(" ", 2)
    channel, who = command["channel_id"], command["user_id"]
    if who not in SUPERVISORS:
        await ack("You may not do that.")
        return
    await ack(f"{verb} {call_id}: on its way.")
    if verb == "start":
        agent, done = await asyncio.to_thread(start, call_id)
        text = f"*Recording* call {call_id}, by <@{who}>: {reason}" if done else f"Start of {call_id}: unknown."
        posted = await slack.chat_postMessage(channel=channel, **card(text, call_id, live=done))
        row = (call_id, agent, who, reason, posted["ts"])
        database.execute("INSERT INTO recordings VALUES (?, ?, ?, ?, ?)", row)
    else:
        row = database.execute("SELECT agent, ts FROM recordings WHERE call = ?", (call_id,)).fetchone()
        done = await asyncio.to_thread(switch, call_id, row[0], on=False)
        text = f"*Stopped* call {call_id}, by <@{who}>" if done else f"Stop of {call_id}: unknown."
        await slack.chat_update(channel=channel, ts=row[1], **card(text, call_id, live=not done))
        database.execute("DELETE FROM recordings WHERE call = ?", (call_id,))
    await slack.chat_postMessage(channel=AUDIT, text=f"<@{who}>: {verb} {call_id} {reason}: {done}")


if __name__ == "__main__":
    app.start(int(os.environ["HTTP_PORT"]), host="127.0.0.1")
