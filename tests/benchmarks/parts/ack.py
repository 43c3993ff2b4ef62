"""The bot's own HTTP server and Bolt app, with a listener that only acknowledges: what an answer costs at least.

With a file named, each acknowledgement comes after one commit to it by plain ``sqlite3``, as durable as the bot's and
of the same statements.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slack_sdk.signature import SignatureVerifier

from bot.runtime.http_server import Pages, listen
from bot.slack.app import EVENTS_PATH, HttpEndpoint, bolt_app
from bot.slack.client import SlackIdentity, web_client, web_session
from tests.benchmarks.load import SECRET
from tests.benchmarks.parts.commits import Commits

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncAck

TEXT = "Starting the recording of that call (#1)."


async def nothing() -> Any:
    return ()


async def main(file: str | None) -> None:
    commits = Commits(Path(file)) if file else None
    async with web_session() as session:
        client = web_client("xoxb-sandbox", api_url="http://127.0.0.1:9/api/", session=session)
        app = bolt_app(client, SlackIdentity("T0SANDBOX", "U0BOT", "B0BOT"), signing_secret=SECRET.decode())

        @app.command("/record")
        async def on_command(ack: AsyncAck) -> None:
            if commits is not None:
                await asyncio.to_thread(commits.request)
            await ack(response_type="ephemeral", text=TEXT)

        shutdown_gate = HttpEndpoint(app, SignatureVerifier(SECRET.decode()))
        runner = await listen(
            Pages(check=nothing, scrape=nothing), host="127.0.0.1", port=0, routes={EVENTS_PATH: shutdown_gate.handle}
        )
        port = runner.port
        sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}{EVENTS_PATH}"}) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)  # until the measuring process closes stdin
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
