"""The buttons for whose side to record: within Slack's limits, and readable without them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from bot.errors import AgentLeft, CallEnded, SeveralAgents
from bot.i18n.catalog import read_languages
from bot.recording.call import Participant
from bot.sandbox.slack.block_kit.blocks import wrong_with_blocks
from bot.slack.blocks.agents.agent_picker import agent_choice, choice_text
from tests.support.slack.samples import recording

if TYPE_CHECKING:
    from bot.i18n.catalog import Catalog

LANGUAGES = read_languages().known
FAILED = recording()
HANNA, SOFIE = Participant("p-1", "u-hanna", name="hanna V"), Participant("p-2", "u-sofie", name="Sofie L")
both = pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)


@both
@pytest.mark.parametrize("kind", [SeveralAgents, AgentLeft])
def test_each_agent_has_a_button_with_the_request_and_the_channel(
    words: Catalog, kind: type[SeveralAgents | AgentLeft]
) -> None:
    error = kind(agents=(SOFIE, HANNA))
    blocks = agent_choice("why", error, FAILED, words, channel="C0FLOOR")

    assert blocks is not None
    assert wrong_with_blocks(blocks) == []
    buttons = [block["accessory"] for block in blocks[1:]]
    assert [button["text"]["text"] for button in buttons] == [
        words("again.record_agent", agent="hanna V"),
        words("again.record_agent", agent="Sofie L"),
    ]
    assert [button["value"] for button in buttons] == [f"{FAILED.id} u-hanna C0FLOOR", f"{FAILED.id} u-sofie C0FLOOR"]
    assert choice_text("why", error, words) == "why\n• hanna V\n• Sofie L"


@both
def test_many_agents_with_long_names_fit(words: Catalog) -> None:
    agents = tuple(Participant(f"p-{n}", str(UUID(int=n)), name=f"שרה 🎧 <&> {n} " + "x" * 300) for n in range(60))
    blocks = agent_choice("y" * 5000, SeveralAgents(agents=agents), FAILED, words, channel=None)

    assert blocks is not None
    assert wrong_with_blocks(blocks) == []
    assert "<&>" not in choice_text("why", SeveralAgents(agents=agents), words)


@both
def test_an_agent_without_a_name_is_named_by_id(words: Catalog) -> None:
    nameless = SeveralAgents(agents=(Participant("p-1", "0123456789"), SOFIE))

    assert "01234567" in choice_text("why", nameless, words)


@pytest.mark.parametrize("error", [CallEnded(), SeveralAgents()])
def test_other_refusals_stay_as_they_are(error: CallEnded | SeveralAgents) -> None:
    assert agent_choice("why", error, FAILED, LANGUAGES["en"], channel=None) is None
    assert choice_text("why", error, LANGUAGES["en"]) == "why"
