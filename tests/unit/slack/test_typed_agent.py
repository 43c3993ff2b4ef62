"""Whom somebody names in a command: a mention, an address, a name, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.slack.typed_agent import AgentAddress, AgentName, MentionedAgent, NotAPerson, TypedAgent, read_agent


@pytest.mark.parametrize(
    ("text", "agent", "rest"),
    [
        ("<@U0ADA|ada> complaint", MentionedAgent("U0ADA"), "complaint"),
        ("<@U0ADA>", MentionedAgent("U0ADA"), ""),
        ("<@W0ADA|ada>quality call", MentionedAgent("W0ADA"), "quality call"),
        ("<@U0ADA|ada> see <https://e.example/a?b=1&amp;c|here> &amp; <#C0FLOOR|floor> <@U0TOM|tom>",
         MentionedAgent("U0ADA"), "see here & #floor @tom"),
        ("<mailto:Ada@Example.com|ada@example.com> complaint", AgentAddress("Ada@Example.com"), "complaint"),
        ("<mailto:ada@example.com|eve@evil.example>", AgentAddress("ada@example.com"), ""),
        ("ada.byron+x@mail.example.co.uk, complaint", AgentAddress("ada.byron+x@mail.example.co.uk"), "complaint"),
        ("o'brien@example.com", AgentAddress("o'brien@example.com"), ""),
        ("Tom Becker", AgentName("Tom Becker"), ""),
        ("  Tom \t Becker,  quality: refund ", AgentName("Tom Becker"), "quality: refund"),
        ('"Tom Becker" quality', AgentName("Tom Becker"), "quality"),
        ("„Tom Becker“ quality", AgentName("Tom Becker"), "quality"),
        ('"Tom Becker', AgentName('"Tom Becker'), ""),
        ("@tom", AgentName("tom"), ""),
        ("Smith &amp; Sons", AgentName("Smith & Sons"), ""),
        ("Jos\u200bé\u202e Zoë", AgentName("José Zoë"), ""),
    ],
)  # fmt: skip
def test_who_is_named(text: str, agent: TypedAgent, rest: str) -> None:
    assert read_agent(text) == (agent, rest)


@pytest.mark.parametrize("text", ["", "   ", ",", '""', "@", "\u200b"])
def test_nobody_is_named(text: str) -> None:
    assert read_agent(text)[0] is None


@pytest.mark.parametrize(
    "text",
    ["<!channel>", "<!here|here>", "<!subteam^S0SUPERS|@supervisors>", "<#C0FLOOR|floor>", "<https://e.example|Ada>",
     "<@u0ada>", "<@Uada>", "<@S0SUPERS>", "<@B0BOT|bot>", "<@UADA<b>|x>", "<@U0ADA|x|y",
     "<@>", "<@U>", "<mailto:|x>", "<mailto:ada@example|x>", "<>"],
)  # fmt: skip
def test_what_is_no_person_is_never_taken_for_one(text: str) -> None:
    agent, _ = read_agent(text)
    assert isinstance(agent, NotAPerson | AgentName)
    assert "@e" not in str(agent)


@pytest.mark.parametrize("text", ["&lt;@U0ADA&gt;", "&lt;@U0ADA|ada&gt; x", "&amp;lt;@U0ADA&amp;gt;"])
def test_a_mention_that_somebody_typed_letter_by_letter_is_a_name(text: str) -> None:
    assert isinstance(read_agent(text)[0], AgentName)


@pytest.mark.parametrize(
    "text",
    [
        "a@b@c.example",
        "ada@-.example",
        "@example.com",
        "ada@example",
        "a" * 65 + "@e.example",
        "a@" + "b." * 130 + "example",
    ],
)
def test_what_is_no_address(text: str) -> None:
    assert isinstance(read_agent(text)[0], AgentName)


@given(st.text(alphabet=st.sampled_from(list('<>@|#!&;,"UW0aA \u200b\u202e\n\t.:')), max_size=60) | st.text())
@example("<" * 5000)
@example("a@" * 2000 + "b")
def test_any_text_is_read(text: str) -> None:
    agent, rest = read_agent(text)
    if isinstance(agent, MentionedAgent):
        assert f"<@{agent.user_id}" in text
    if isinstance(agent, AgentName):
        assert 0 < len(agent.words) <= 100
    assert rest == rest.strip()
