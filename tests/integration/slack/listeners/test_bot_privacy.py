"""Erasing while the bot serves: the words go from the file, and from the card in Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.admin.data import Keeper
from bot.database.maintenance.erasure import Person
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA

if TYPE_CHECKING:
    from tests.support.scenario import ServingScenario

WORDS = "Quittenmarmelade went missing"
DAY = 24 * 3600


def on_disk(scenario: ServingScenario) -> bytes:
    """Return all that is on disk of the database."""
    return b"".join(path.read_bytes() for path in scenario.database.parent.glob(f"{scenario.database.name}*"))


async def test_an_erased_reason_leaves_the_card_as_well(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND, user=ADA, reason=WORDS)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert WORDS in str(scenario.card().blocks)
    assert WORDS.encode() in on_disk(scenario)

    await Keeper(scenario.serving.settings, "cli:keeper").erase(Person(ADA), despite_hold=False)
    await scenario.types(ADA, "list")  # the bot looks what has changed whenever something is written

    await scenario.until(lambda: WORDS not in str(scenario.card().blocks))
    assert WORDS.encode() not in on_disk(scenario)


@pytest.mark.parametrize("changes", [{"RETENTION_TEXTS": "30d", "RETENTION_NAMES": "30d"}])
async def test_what_is_too_old_goes_by_itself(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND, user=ADA, reason=WORDS)
    await scenario.types(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))
    assert scenario.rows("SELECT * FROM names")

    await scenario.until_later(lambda: scenario.entries("privacy:retention"), step=10 * DAY)

    (entry,) = scenario.entries("privacy:retention")
    assert (entry["actor"], entry["phase"]) == ("bot", "succeeded")
    assert scenario.rows("SELECT * FROM typed_texts") == []
    await scenario.until(lambda: WORDS.encode() not in on_disk(scenario))
