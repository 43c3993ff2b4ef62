"""Who is erased is gone from the files, and the chain does not notice."""

from __future__ import annotations

import random
import sqlite3
import string
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from bot.audit.entry import Draft, Phase
from bot.database.maintenance.erasure import Erased, Person
from bot.database.maintenance.retention import Retention
from bot.errors import DatabaseUnusable, Refused
from bot.recording.caller import BOT
from bot.recording.control.intake import start_again
from bot.runtime.background import retention_worker
from bot.runtime.workers import Supervisor
from tests.support.clocks.fake_clock import FakeClock
from tests.support.databases.writer import write_sql
from tests.support.recording.service import ADA, CALL, GRACE, asked
from tests.unit.admin.conftest import ADAS_WORDS, GRACES_WORDS

if TYPE_CHECKING:
    from bot.recording.ports import Transaction
    from tests.unit.admin.conftest import Past

ADA_HERSELF = Person("U0ADA")
AGENT = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
async def past(past: Past) -> Past:
    """The shop of then, where the bot also serves today."""
    await serves_today(past)
    return past


async def serves_today(past: Past) -> None:
    """Add an entry that agrees with the clock."""
    draft = Draft(
        id=uuid7(),
        attempt_id=uuid7(),
        occurred_at=past.keeper.clock.now(),
        phase=Phase.OBSERVED,
        action="bot:start",
        actor=BOT,
    )
    await past.harness.store.write(lambda transaction: transaction.append(draft))


@pytest.mark.parametrize(
    ("jump", "slack_ahead"),
    [
        (timedelta(days=2), None),  # the clock went ahead, and only it says so
        (timedelta(days=-2), None),
        (timedelta(days=-2), timedelta()),
        (timedelta(), timedelta(days=-2)),
        (timedelta(days=2), timedelta(days=-2)),
    ],
)
async def test_nothing_is_erased_on_the_word_of_one_clock(
    past: Past, jump: timedelta, slack_ahead: timedelta | None
) -> None:
    clock = FakeClock(begin=past.keeper.clock.now() + jump)
    retention = Retention(past.harness.store, clock, timedelta(days=1), None, "bot", slack_ahead=lambda: slack_ahead)

    assert await retention.step() == 3600
    with pytest.raises(Refused, match="clock says"):
        await retention.once()

    assert len(past.rows("SELECT * FROM typed_texts")) == 2


async def test_a_bot_that_was_idle_for_long_asks_slack(past: Past) -> None:
    clock = FakeClock(begin=past.keeper.clock.now() + timedelta(days=30))
    retention = Retention(past.harness.store, clock, timedelta(days=1), None, "bot", slack_ahead=timedelta)

    await retention.once()

    assert past.rows("SELECT * FROM typed_texts") == []


async def test_what_a_person_typed_is_gone_from_the_files(past: Past) -> None:
    assert ADAS_WORDS.encode() in past.bytes()
    before = past.entries()

    said = await past.keeper.erase(ADA_HERSELF, despite_hold=False)

    assert said.startswith("Erased: 0 names, 1 typed text, 1 recording reason.")
    assert ADAS_WORDS.encode() not in past.bytes()
    assert b"Zwetschgen" not in past.bytes()
    assert GRACES_WORDS.encode() in past.bytes()
    assert past.entries()[: len(before)] == before
    assert (await past.verdict()).ok
    assert past.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert past.rows("PRAGMA foreign_key_check") == []


async def test_copies_that_pages_left_behind_are_gone_as_well(past: Past) -> None:
    """Rows that change their size move between pages, and leave copies that no deletion overwrites."""
    chance = random.Random(7)  # noqa: S311  a fixed sample
    marks = ["".join(chance.choices(string.ascii_letters, k=24)) for _ in range(1500)]

    def learn_names(transaction: Transaction) -> None:
        for mark in marks:
            number = chance.randrange(400)
            seen_at = past.keeper.clock.now() if number % 3 else past.harness.clock.now()
            transaction.remember_name("user", str(number), mark + "x" * chance.randrange(600), seen_at)

    await past.harness.store.write(learn_names)
    await past.keeper.retain(texts=None, names=timedelta(days=1))

    kept = {row["name"][:24] for row in past.rows("SELECT name FROM names")}
    left = past.bytes()
    assert 200 < len(kept) < 400
    assert [mark for mark in marks if mark.encode() in left and mark not in kept] == []


async def test_erasing_is_in_the_trail_with_the_id_and_the_counts(past: Past) -> None:
    await past.keeper.erase(ADA_HERSELF, despite_hold=False)

    assert past.story() == ["requested privacy:erase", "succeeded privacy:erase"]
    requested, succeeded = past.entries()[-2:]
    assert requested["outcome"] == {"person": "U0ADA"}
    assert succeeded["outcome"] == {"person": "U0ADA", "names": 0, "texts": 1, "reasons": 1}
    assert succeeded["attempt_id"] == requested["attempt_id"]


async def test_the_card_in_slack_is_drawn_anew_without_the_words(past: Past) -> None:
    (card,) = past.rows(
        "SELECT recording_id FROM cards JOIN recordings ON id = recording_id WHERE started_by LIKE '%ADA'"
    )
    await write_sql(
        past.harness.engines, "UPDATE cards SET rendered_version = 9, ts = '1.2', posted_channel = 'C0FLOOR'"
    )

    await past.keeper.erase(ADA_HERSELF, despite_hold=False)

    assert past.rows("SELECT recording_id FROM cards WHERE rendered_version = 0") == [card]


async def test_a_genesys_user_is_erased_from_the_names(past: Past) -> None:
    def know(transaction: Transaction) -> None:
        transaction.remember_name("user", AGENT, "Priya Nair-Quellwasser", past.harness.clock.now())

    await past.harness.store.write(know)
    assert b"Quellwasser" in past.bytes()

    await past.keeper.erase(Person.read(AGENT.upper()), despite_hold=False)

    assert b"Quellwasser" not in past.bytes()
    assert past.entries()[-1]["outcome"] == {"person": AGENT, "names": 1, "texts": 0, "reasons": 0}


async def test_a_login_is_erased(past: Past) -> None:
    await past.harness.service.intake.start(asked("cli:ada"), CALL, "from the terminal")

    await past.keeper.erase(Person("cli:ada"), despite_hold=False)

    assert b"from the terminal" not in past.bytes()


async def test_a_longer_id_that_ends_the_same_way_is_somebody_else(past: Past) -> None:
    for other in ("U0AD", "UADA"):
        with pytest.raises(Refused, match=f"Nothing found for {other}, so nothing was erased. Check the id."):
            await past.keeper.count(Person.read(other))
    assert "1 typed text," in await past.keeper.count(Person.read(ADA))


async def test_a_dry_run_counts_and_changes_nothing(past: Past) -> None:
    before = past.entries()

    said = await past.keeper.count(ADA_HERSELF)

    assert said == "Would erase: 0 names, 1 typed text, 1 recording reason. Nothing was changed."
    assert past.entries() == before
    assert ADAS_WORDS.encode() in past.bytes()


@pytest.mark.parametrize("typed", ["Ada Byron", "ada@example.com", "", "S0SUPERS", "cli:", "U0ADA' OR 1=1", "%"])
def test_only_ids_are_taken(typed: str) -> None:
    with pytest.raises(ValueError, match="must be a Slack user id"):
        Person.read(typed)


async def test_a_legal_hold_keeps_everything(past: Past) -> None:
    await past.keeper.hold(on=True, reason="case 7")

    with pytest.raises(Refused, match=r"case 7.*Nothing was erased"):
        await past.keeper.erase(ADA_HERSELF, despite_hold=False)

    assert past.entries()[-1]["outcome"] == {"person": "U0ADA", "error": "refused", "cause": "legal_hold"}
    assert ADAS_WORDS.encode() in past.bytes()
    with pytest.raises(Refused, match="Nothing can be erased"):
        await past.keeper.retain(texts=timedelta(days=1), names=None)

    await past.keeper.erase(ADA_HERSELF, despite_hold=True)
    assert past.entries()[-2]["outcome"] == {"person": "U0ADA", "despite_hold": True}
    assert ADAS_WORDS.encode() not in past.bytes()


async def test_what_is_too_old_is_erased_and_that_is_in_the_trail(past: Past) -> None:
    said = await past.keeper.retain(texts=timedelta(days=300), names=timedelta(days=300))

    assert said.startswith("Erased: ")
    assert past.story() == ["succeeded privacy:retention"]
    assert past.entries()[-1]["outcome"]["texts"] == 2
    assert past.rows("SELECT * FROM typed_texts") == past.rows("SELECT * FROM names") == []
    assert ADAS_WORDS.encode() not in past.bytes()
    assert GRACES_WORDS.encode() not in past.bytes()
    assert b"Priya" not in past.bytes()
    assert (await past.verdict()).ok


async def test_what_is_young_stays_and_nothing_is_written(past: Past) -> None:
    before = past.entries()

    await past.keeper.retain(texts=timedelta(days=400), names=timedelta(days=400))
    await past.keeper.retain(texts=None, names=None)

    assert past.entries() == before
    assert ADAS_WORDS.encode() in past.bytes()


async def test_texts_and_names_have_periods_of_their_own(past: Past) -> None:
    await past.keeper.retain(texts=None, names=timedelta(days=1))

    assert past.rows("SELECT * FROM names") == []
    assert len(past.rows("SELECT * FROM typed_texts")) == 2


async def test_a_live_recording_keeps_its_reason(past: Past) -> None:
    await past.harness.service.carry_out(await past.harness.service.intake.start(asked(), CALL, "still running"))
    await serves_today(past)

    await past.keeper.retain(texts=timedelta(days=1), names=None)

    assert [row["text"] for row in past.rows("SELECT text FROM typed_texts")] == ["still running"]
    assert past.rows("SELECT reason FROM recordings WHERE reason IS NOT NULL") == [{"reason": "still running"}]


async def test_the_daily_look_goes_on_after_a_failure(past: Past) -> None:
    clock: FakeClock = past.keeper.clock  # type: ignore[assignment]
    retention = Retention(past.harness.store, clock, timedelta(days=300), None, "bot")
    past.harness.store.retry_seconds = 0
    await write_sql(past.harness.engines, "PRAGMA busy_timeout=20")

    class Enough(Exception): ...

    async def sleep(seconds: float) -> None:
        clock.slept.append(seconds)
        other.rollback()
        if len(clock.slept) == 2:
            raise Enough

    clock.sleep = sleep  # type: ignore[method-assign]
    with closing(sqlite3.connect(past.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Enough):
            await Supervisor(clock, lambda _name, _times: None).run(retention_worker(retention))

    assert clock.slept == [3600, 24 * 3600]
    assert past.rows("SELECT * FROM typed_texts") == []
    assert past.entries()[-1]["actor"] == "bot"


async def test_a_reader_that_keeps_old_pages_is_said_so_and_the_next_run_finishes(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.database.maintenance.secure_erase.BUSY_TIMEOUT_MS", 20)
    with closing(sqlite3.connect(past.file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM names").fetchone()
        with pytest.raises(DatabaseUnusable, match="another program keeps reading"):
            await past.keeper.retain(texts=timedelta(days=300), names=None)
        assert ADAS_WORDS.encode() in past.bytes()

    await past.keeper.retain(texts=timedelta(days=300), names=None)

    assert ADAS_WORDS.encode() not in past.bytes()
    assert past.story() == ["succeeded privacy:retention"]


def test_nothing_is_nothing() -> None:
    assert not Erased()
    assert Erased(names=1)


async def test_words_that_somebody_elses_new_start_took_over_are_gone_as_well(past: Past) -> None:
    (first,) = past.rows("SELECT id FROM recordings WHERE started_by LIKE '%ADA'")
    accepted = await start_again(past.harness.service.intake, asked(GRACE), UUID(first["id"]))
    assert accepted.recording.reason == ADAS_WORDS
    await past.harness.service.carry_out(accepted)

    said = await past.keeper.erase(ADA_HERSELF, despite_hold=False)

    assert said.startswith("Erased: 0 names, 2 typed texts, 2 recording reasons.")
    assert ADAS_WORDS.encode() not in past.bytes()
    assert GRACES_WORDS.encode() in past.bytes()
    assert (await past.verdict()).ok


async def test_what_somebody_typed_themselves_after_a_start_again_stays(past: Past) -> None:
    own = "Grace's own words about Ada's call"
    await past.harness.service.intake.start(asked(GRACE), CALL, own)

    await past.keeper.erase(ADA_HERSELF, despite_hold=False)

    assert own.encode() in past.bytes()


async def test_an_unknown_person_is_an_error_and_a_known_one_may_be_erased_twice(past: Past) -> None:
    nobody = Person.read("U0NOSUCH")
    for _ in range(2):  # the trail's own entry about the attempt doesn't make the person known
        with pytest.raises(Refused, match="Nothing found for U0NOSUCH"):
            await past.keeper.erase(nobody, despite_hold=False)
    assert past.story() == ["failed privacy:erase"] * 2

    await past.keeper.erase(ADA_HERSELF, despite_hold=False)
    again = await past.keeper.erase(ADA_HERSELF, despite_hold=False)

    assert again == f"There was nothing left to erase for {ADA_HERSELF.id}."
