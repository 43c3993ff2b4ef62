"""Erasing while the bot serves: the words go from the file, and from the card in Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.admin.data import Keeper
from bot.database.maintenance.erasure import Person
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.world import ADA

if TYPE_CHECKING:
    from tests.support.world import World

WORDS = "Quittenmarmelade went missing"
DAY = 24 * 3600


def on_disk(world: World) -> bytes:
    """Return all that is on disk of the database."""
    return b"".join(path.read_bytes() for path in world.database.parent.glob(f"{world.database.name}*"))


async def test_an_erased_reason_leaves_the_card_as_well(world: World) -> None:
    await world.records(INBOUND, user=ADA, reason=WORDS)
    await world.types(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))
    assert WORDS in str(world.card().blocks)
    assert WORDS.encode() in on_disk(world)

    await Keeper(world.serving.settings, "cli:keeper").erase(Person(ADA), despite_hold=False)
    await world.types(ADA, "list")  # the bot looks what has changed whenever something is written

    await world.until(lambda: WORDS not in str(world.card().blocks))
    assert WORDS.encode() not in on_disk(world)


@pytest.mark.parametrize("changes", [{"RETENTION_TEXTS": "30d", "RETENTION_NAMES": "30d"}])
async def test_what_is_too_old_goes_by_itself(world: World) -> None:
    await world.records(INBOUND, user=ADA, reason=WORDS)
    await world.types(ADA, "stop")
    await world.until(lambda: world.shows("Stopped"))
    assert world.rows("SELECT * FROM names")

    await world.until_later(lambda: world.entries("privacy:retention"), step=10 * DAY)

    (entry,) = world.entries("privacy:retention")
    assert (entry["actor"], entry["phase"]) == ("bot", "succeeded")
    assert world.rows("SELECT * FROM typed_texts") == []
    await world.until(lambda: WORDS.encode() not in on_disk(world))
