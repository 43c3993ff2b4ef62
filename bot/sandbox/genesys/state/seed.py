"""The floor that a visitor of the sandbox finds: every kind of call that the bot treats differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.sandbox.genesys.state.contact_center import Floor

INBOUND = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"
OUTBOUND = "b81d6e0f-27c4-4f39-8a6d-c1f5093e7ab2"
POLICY_RECORDED = "7c5e1a93-f04b-4d28-b3e7-58a9d2c6140f"
SECURE_PAUSE = "e60b4d17-9a35-4c82-86f1-2d7c3b9e05a4"
TWO_AGENTS = "14d8f7b2-6c09-4ea5-a71b-93e2c58d0f66"
ON_HOLD = "a92c5f38-1e7d-4630-9d4f-06b8e7a3c1d5"
WAITING = "58e3b0c9-d264-4a17-8f90-b7c41d6e2a38"
ENDED = "d07f4a61-3b98-4c5e-92d3-6a1e8f7b5c20"
CHAT = "c4b96d2e-50f7-4813-b6a8-1f9d7e3a0c54"


def seed(floor: Floor) -> None:
    """Put the calls on the floor, with ids that are the same every time; those already there stay as they are."""
    if INBOUND in floor.calls:
        return
    floor.add_call(conversation_id=INBOUND, caller="Ingrid Solberg", started_ago=252)
    floor.add_call(
        conversation_id=OUTBOUND,
        agent="Tom Becker",
        queue="Sales",
        direction="outbound",
        caller="Harbour Logistics",
        started_ago=95,
    )
    floor.add_call(
        conversation_id=POLICY_RECORDED,
        agent="Lucia Romano",
        queue="Claims",
        policy_recording="active",
        caller="Daniel Okafor",
        started_ago=611,
    )
    floor.add_call(
        conversation_id=SECURE_PAUSE,
        agent="Kwame Mensah",
        queue="Billing",
        policy_recording="paused",
        secure_pause=True,
        caller="Ana Duarte",
        started_ago=188,
    )
    floor.add_call(
        conversation_id=TWO_AGENTS,
        agent="Sofie Lindqvist",
        queue="Support",
        agents=2,
        colleagues=["Hanna Virtanen"],
        caller="Yuki Tanaka",
        started_ago=430,
    )
    floor.add_call(
        conversation_id=ON_HOLD,
        agent="Mateo Vargas",
        queue="Claims",
        policy_recording="active",
        held=True,
        caller="Claire Dubois",
        started_ago=337,
    )
    floor.add_call(conversation_id=WAITING, queue="Support", agents=0, caller="Omar Haddad", started_ago=41)
    ended = floor.add_call(
        conversation_id=ENDED,
        agent="Tom Becker",
        queue="Sales",
        policy_recording="active",
        caller="Greta Holm",
        started_ago=905,
    )
    floor.change(ended, lambda: ended.end(floor.clock() - 120))
    floor.add_chat(conversation_id=CHAT, started_ago=64)
