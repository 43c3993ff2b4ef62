"""Words that were changed in the database after they were typed are found, and never shown as the person's own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command
from sqlalchemy import text

from bot.admin.archive import Archiving
from bot.database.migrate import _config, upgrade
from bot.database.outbox.deliveries import SqlOutbox
from bot.database.trail.call_history import SqlStories
from bot.database.trail.typed_texts import ALTERED
from bot.errors import DatabaseUnusable
from tests.support.recording.service import CALL
from tests.unit.admin.conftest import ADAS_WORDS, BETWEEN, GRACES_WORDS, forge, nothing

if TYPE_CHECKING:
    from tests.unit.admin.conftest import Past

FORGED = "UPDATE typed_texts SET text = 'the customer agreed' WHERE text LIKE 'Frau%'"


@pytest.mark.parametrize(
    "attack",
    [
        FORGED,
        "INSERT OR REPLACE INTO typed_texts SELECT attempt_id, 'x', salt, typed_at FROM typed_texts",
        "INSERT INTO typed_texts SELECT * FROM typed_texts WHERE true ON CONFLICT DO UPDATE SET text = 'x'",
    ],
)
async def test_typed_texts_are_never_changed(past: Past, attack: str) -> None:
    with closing(sqlite3.connect(past.file)) as outsider, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        outsider.execute(attack)
    assert (await past.verdict()).status == 0


async def test_changed_words_are_broken_and_not_shown(past: Past) -> None:
    forge(past, FORGED)

    verdict = await past.verdict()
    told, _ = await SqlStories(past.harness.engines).story(CALL, before=1000, limit=40)

    assert verdict.status == 1
    assert verdict.text == (
        "BROKEN: The text that was typed for entry 1 was changed: it doesn't match the entry's digest."
    )
    assert ALTERED in [words for _, words in told]
    assert "the customer agreed" not in str(told)


async def test_words_under_another_salt_are_changed_too(past: Past) -> None:
    forge(past, "DELETE FROM typed_texts", "INSERT INTO typed_texts SELECT attempt_id, 'x', zeroblob(32), occurred_at "
          "FROM audit_entries WHERE reason_digest IS NOT NULL")  # fmt: skip

    verdict = await past.verdict()

    assert verdict.status == 1
    assert "So was that of 1 more." in verdict.text


async def test_a_text_of_no_entry_is_noticed(past: Past) -> None:
    forge(past, "INSERT INTO typed_texts SELECT 'no attempt', text, salt, typed_at FROM typed_texts LIMIT 1")

    assert (await past.verdict()).text.startswith("BROKEN: 1 typed text that no entry in the trail names:")


async def test_the_reason_on_a_card_is_compared(past: Past) -> None:
    forge(past, "UPDATE recordings SET reason = 'the customer agreed' WHERE reason LIKE 'Frau%'",
          "UPDATE cards SET rendered_version = 0")  # fmt: skip

    reasons = {card.recording.reason for card in await SqlOutbox(past.harness.engines).stale_cards()}

    assert reasons == {ALTERED, GRACES_WORDS}
    assert (await past.verdict()).status == 1


async def test_erased_words_break_nothing(past: Past) -> None:
    with closing(sqlite3.connect(past.file)) as owner, owner:
        owner.execute("DELETE FROM typed_texts")

    assert (await past.verdict()).status == 0


async def test_words_of_archived_entries_are_compared_with_the_archive(past: Past) -> None:
    await Archiving(past.keeper, BETWEEN, past.archive).run(nothing)
    assert "Not checked: 2 typed texts of entries that were not read." in (await past.verdict()).text
    assert (await past.verdict(archive=True)).status == 0

    forge(past, FORGED)

    assert "typed for entry 1 was changed" in (await past.verdict(archive=True)).text


async def test_a_changed_reason_of_a_hold_is_not_shown(past: Past) -> None:
    await past.keeper.hold(on=True, reason="case 7")
    forge(past, "UPDATE typed_texts SET text = 'no case' WHERE text = 'case 7'")

    assert ALTERED in await past.keeper.hold_status()


async def test_without_its_guard_the_bot_does_not_start(past: Past) -> None:
    with closing(sqlite3.connect(past.file)) as owner, owner:
        owner.execute("DROP TRIGGER typed_texts_no_update")

    with pytest.raises(DatabaseUnusable, match="typed_texts_no_update"):
        await upgrade(past.harness.engines)


async def test_a_database_from_before_gets_the_guards(past: Past) -> None:
    def downgrade(connection: object) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")

    await past.harness.engines.writer.transaction(downgrade)
    await past.harness.engines.writer.transaction(lambda connection: connection.execute(text(FORGED)))

    await upgrade(past.harness.engines)

    with closing(sqlite3.connect(past.file)) as outsider, pytest.raises(sqlite3.IntegrityError, match="never changed"):
        outsider.execute("UPDATE typed_texts SET text = 'x'")
    assert (await past.verdict()).status == 1
    assert ADAS_WORDS not in json.dumps(past.rows("SELECT text FROM typed_texts"))
