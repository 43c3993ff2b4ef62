"""Genesys's part of starts, alone: the SDK's own calls, read, change and read again, with its own HTTP client.

Between the change and the second reading it waits as long as the bot does: Genesys answers before a change takes
effect. Without the wait the starts of a second would be held against something that no start can do.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from PureCloudPlatformClientV2 import ApiClient, ConversationsApi, MediaParticipantRequest

from tests.benchmarks.parts.answering import answer_questions

CONFIRM_SECONDS = 0.5
"""The first of the client's ``confirm_delays``."""


def main(address: str, threads: int) -> None:
    client = ApiClient(host=address).get_client_credentials_token("sandbox-client", "sandbox-secret")
    conversations = ConversationsApi(client)
    change = MediaParticipantRequest()
    change.recording = True

    def one(call: str) -> None:
        seen = conversations.get_conversation(call)
        agent = next(one for one in seen.participants if one.purpose == "agent")
        conversations.patch_conversation_participant(call, agent.id, change)
        time.sleep(CONFIRM_SECONDS)
        conversations.get_conversation(call)

    calls = iter(sys.argv[3:] * 1_000_000)
    with ThreadPoolExecutor(threads) as pool:
        answer_questions(lambda count: list(pool.map(one, [next(calls) for _ in range(count)])))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
