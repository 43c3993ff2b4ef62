"""What people type and administrators write: read, or refused in words, and never slowly."""

# ruff: noqa: E501, PT017  strategies are read as tables; both a result and a refusal are fine

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.audit.reports.period import typed_period
from bot.audit.storable import visible
from bot.cli.control.recording import Terminal
from bot.config.policy_file import load_policy
from bot.config.settings import ControlSettings, ServeSettings, load
from bot.errors import MalformedId, ReasonRefused, SettingsError
from bot.observability.logging import SECRET_SHAPES
from bot.recording.requests import LINK, REASON_LIMIT, UUID, ReasonRules, conversation_id
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.seed import INBOUND
from bot.slack.listeners.shortcuts import ADDRESS, BARE_ID
from tests.fuzz.effort import effort
from tests.fuzz.odd import documents, mutilated, texts
from tests.fuzz.steps import steps

if TYPE_CHECKING:
    import re
    from collections.abc import AsyncIterator
    from pathlib import Path

PIECES = ("https://", "http://a", "/interactions/", "/calls/", "/conversations", "/", "a", "0", "-", "\xe9", ":", "<", INBOUND, INBOUND[:8], "xoxb-", "token=", "Bearer ", "eyJ", ".", "=", " ")  # fmt: skip
words = st.one_of(texts, st.lists(st.sampled_from(PIECES), max_size=8).map("".join))


@pytest.mark.parametrize(
    "pattern", [LINK, UUID, BARE_ID, ADDRESS, SECRET_SHAPES], ids=["link", "id", "id in text", "address", "secret"]
)
@given(piece=st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), end=st.sampled_from(["", "!", "\n", "/calls/"]))  # fmt: skip
@effort(12)
def test_no_text_takes_a_pattern_more_than_its_length_in_steps(pattern: re.Pattern[str], piece: str, end: str) -> None:
    """Twice the text, at most four times the steps (and a bit): the square is what a search has at worst."""
    short, long = (steps(pattern, "https://" + piece * times + end) for times in (8, 16))
    assert long <= 4.5 * short + 200, (piece, short, long)


@given(typed=words)
@effort(50)
def test_an_id_is_an_id_or_refused(typed: str) -> None:
    try:
        found = conversation_id(typed)
    except MalformedId:
        return
    assert UUID.fullmatch(found)
    assert found in typed.lower()


@given(typed=st.one_of(words, st.just("x" * (REASON_LIMIT + 1))), labels=st.dictionaries(texts, texts, max_size=4), required=st.booleans())  # fmt: skip
@effort(50)
def test_a_reason_is_part_of_what_was_typed_or_refused(typed: str, labels: dict[str, str], *, required: bool) -> None:
    try:
        reason = ReasonRules(labels, required=required).read(typed)
    except ReasonRefused as refused:
        assert str(refused)
        return
    assert reason.code is None or reason.code in labels
    assert reason.text is None or reason.text in visible(typed)


@given(typed=st.one_of(words, st.sampled_from(["7D", "30d ", "2026-W10-1", "20260102", "0001-01-01", "9999-12-31"]), st.dates().map(str)),
       zone=st.sampled_from(["UTC", "Pacific/Kiritimati", "America/Nuuk", "Pacific/Apia"]))  # fmt: skip
@effort(40)
def test_a_period_is_in_the_past_or_none(typed: str, zone: str) -> None:
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    period = typed_period(typed, now, ZoneInfo(zone))
    assert period is None or period.since < period.until
    assert period is None or period.since <= now


WHOLE: dict[str, Any] = {
    "grant": [{"label": "Sales", "who": ["S0SALES"], "queues": ["q-1"], "agents": ["a-1"]}],
    "dual_control": {"queues": ["q-2"], "within": "90s"},
}


def as_toml(value: Any) -> str:
    """Write a value as TOML does, as far as it can be; names and texts in JSON's form are TOML's too."""
    match value:
        case bool() | str() | float() | int():
            return json.dumps(value)
        case list():
            return f"[{', '.join(map(as_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{json.dumps(name)} = {as_toml(one)}' for name, one in value.items())}}}"
        case _:
            return '"nothing"'


@given(data=st.data())
@effort(40)
def test_a_policy_file_is_read_or_refused_in_sentences(tmp_path_factory: Any, data: st.DataObject) -> None:
    names = st.sampled_from(["grant", "dual_control", "who", "queues", "agents", "label", "within", "x"])
    found = data.draw(st.one_of(mutilated(WHOLE, most=4, odd=documents(names)), documents(names)))
    lines = [f"{json.dumps(name)} = {as_toml(one)}" for name, one in found.items()] if isinstance(found, dict) else []
    raw = data.draw(st.one_of(st.just("\n".join(lines).encode(errors="replace")), st.binary(max_size=40), st.builds(lambda: b"a=" + b"[" * 50_000)))  # fmt: skip
    file: Path = tmp_path_factory.getbasetemp() / "policy.toml"
    file.write_bytes(raw)
    try:
        policy = load_policy(file)
    except SettingsError as refused:
        assert all(one.endswith(".") for one in refused.sentences)
        return
    assert all(one.who and (one.queues or one.agents) for one in policy.grants)


NAMES = sorted({name.upper() for name in ServeSettings.model_fields})
values = st.one_of(
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["-1", "0", "1e9", "9" * 5000, "inf", "nan", "true", "xoxb-", "https://", "http://[", "sqlite+aiosqlite:///", "C0", "a=b,c", "=,=", "25:00", "7d", "UTC", "../UTC", "\xb2"]),
)  # fmt: skip


@given(changed=st.dictionaries(st.sampled_from(NAMES), values, min_size=1, max_size=5),
       database=st.sampled_from(["postgresql+asyncpg://u:geheim@[/x", "postgresql://u:geheim@h", "u:geheim@", "mysql://geheim"]))  # fmt: skip
@effort(15)
def test_wrong_settings_are_refused_in_sentences_without_secrets(changed: dict[str, str], database: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delenv(name, raising=False)
        for name, value in changed.items():
            patch.setenv(name, value)
        patch.setenv("DATABASE_URL", database)
        patch.delenv("PURECLOUD_CLIENT_ID", raising=False)  # not all that are required are there
        with pytest.raises(SettingsError) as refused:
            load(ServeSettings)
    assert all(one.endswith(".") for one in refused.value.sentences)
    assert "geheim" not in str(refused.value)


@pytest.fixture
async def genesys() -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.mark.parametrize("odd", ["\ud800 half", "nul\x00", "\x1b[31mred\u2028 x", "plain"])
async def test_what_is_typed_at_a_terminal_is_stored_and_told(
    tmp_path: Path, genesys: SimulatedGenesys, odd: str
) -> None:
    settings = ControlSettings(
        purecloud_client_id=genesys.client_id,
        purecloud_client_secret=SecretStr(genesys.client_secret),
        genesys_api_url=genesys.url,
        database_url=f"sqlite+aiosqlite:///{tmp_path}/record-bot.db",
    )
    terminal = Terminal(settings, login="ada")

    refused = [await terminal.start(odd, odd), await terminal.change("stop", odd), await terminal.status(odd)]
    started = await terminal.start(INBOUND, odd)

    assert not any(one.ok for one in refused)
    assert started.ok, started.text
    assert all(one.text.encode() and one.json() for one in (*refused, started))
    with contextlib.closing(sqlite3.connect(tmp_path / "record-bot.db")) as outside:
        kept = [text for (text,) in outside.execute("SELECT reason FROM recordings")]
    assert kept == [odd.replace("\ud800", "\ufffd").replace("\x00", "\ufffd")]
