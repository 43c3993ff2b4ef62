"""Genesys's part of starts, alone: the SDK's own calls, read, change and read again, with its own HTTP client."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from PureCloudPlatformClientV2 import ApiClient, ConversationsApi, MediaParticipantRequest

from tests.benchmarks.parts.answering import answer_questions


def main(address: str, threads: int) -> None:
    client = ApiClient(host=address).get_client_credentials_token("sandbox-client", "sandbox-secret")
    conversations = ConversationsApi(client)
    change = MediaParticipantRequest()
    change.recording = True

    def one(call: str) -> None:
        seen = conversations.get_conversation(call)
        agent = next(one for one in seen.participants if one.purpose == "agent")
        conversations.patch_conversation_participant(call, agent.id, change)
        conversations.get_conversation(call)

    calls = iter(sys.argv[3:] * 1_000_000)
    with ThreadPoolExecutor(threads) as pool:
        answer_questions(lambda count: list(pool.map(one, [next(calls) for _ in range(count)])))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
