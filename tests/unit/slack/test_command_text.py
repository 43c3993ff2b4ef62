"""The text after a command: whom it names, and what the person really typed."""

from __future__ import annotations

import pytest

from bot.recording.agents.named_agent import NamedBy, named_agent
from bot.slack.blocks.agents.agent_calls import Choice
from bot.slack.command_text import agent_in, as_typed

CALL = "3f2a9c64-8d1e-4b7a-9c55-7e0d1b6a42f8"


@pytest.mark.parametrize(
    ("text", "by", "named", "reason"),
    [
        ("<@U0PRIYA|priya> tell <@U0TOM|tom> &amp; me", NamedBy.MENTION, "U0PRIYA", "tell @tom & me"),
        ("<@W0PRIYA>", NamedBy.MENTION, "W0PRIYA", None),
        ("<mailto:mia@example.com|mia@example.com> complaint", NamedBy.ADDRESS, "mia@example.com", "complaint"),
        ("mia@example.com", NamedBy.ADDRESS, "mia@example.com", None),
        ("Mia Chen", NamedBy.NAME, "Mia Chen", None),
        ("@mia", NamedBy.NAME, "mia", None),
        ('"Mia Chen" a bill', NamedBy.NAME, "Mia Chen", "a bill"),
        ("“Mia Chen” a bill", NamedBy.NAME, "Mia Chen", "a bill"),
        ("Ádám Öztürk-O'Neill", NamedBy.NAME, "Ádám Öztürk-O'Neill", None),
    ],
)
def test_an_agent_is_named(text: str, by: NamedBy, named: str, reason: str | None) -> None:
    found = agent_in(text)
    assert found is not None
    assert (found.by, found.text, found.reason) == (by, named, reason)


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        CALL[:-1],
        f"{CALL} complaint",
        f"<https://apps.example.com/interactions/{CALL}/admin>",
        "12345 complaint",
        "3f2a9c64-8d1e",
        "",
        "  ",
        "…",
        "x" * 500,
        '""',
    ],
)
def test_a_call_or_nothing_is_no_agent(text: str) -> None:
    assert agent_in(text) is None


def test_what_was_typed_is_kept_as_it_was_seen() -> None:
    assert as_typed("tell <@U0TOM|tom> in <#C0FLOOR|floor>: &lt;b&gt; <https://a.example/x|x>") == (
        "tell @tom in #floor: <b> https://a.example/x"
    )
    assert as_typed("<!subteam^S0NIGHT|@night>") == "@night"


def test_a_name_is_never_shown_by_accident_as_a_reason() -> None:
    found = named_agent("Mia Chen complaint")
    assert found is not None
    assert found.text == "Mia Chen complaint"


def test_a_button_carries_the_reason_with_its_blanks() -> None:
    for one in (
        Choice("user-1", CALL, "C0FLOOR", "a  bill,\nand more"),
        Choice("user-1"),
        Choice("user-1", None, None, "why"),
    ):
        assert Choice.read(one.value()) == one
