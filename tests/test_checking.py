"""``record-bot check``: each thing that ``serve`` needs, wrong once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bot.checking import check_everything
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.slack import SimulatedSlack
from tests.support.shell import BOT_SETTINGS, SECRETS, Shell, genesys_settings, slack_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RECORD = "Genesys permission: start and stop recordings"
PAUSE = "Genesys permission: pause and resume recordings"
READ = "Genesys permission: read calls"
EVERYTHING = [
    "settings", "database", "Slack token", "Slack scopes", "Slack socket", "audit channel", "user group S0SUPERS",
    "Genesys region", "Genesys login", READ, RECORD, PAUSE, "Genesys notifications",
]  # fmt: skip


@pytest.fixture
async def slack() -> AsyncIterator[SimulatedSlack]:
    simulated = SimulatedSlack()
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def genesys() -> AsyncIterator[SimulatedGenesys]:
    simulated = SimulatedGenesys(effect_delay=0)
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
def settings(slack: SimulatedSlack, genesys: SimulatedGenesys) -> dict[str, str]:
    return slack_settings(slack) | genesys_settings(genesys)


@pytest.fixture
def set_up(settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """This process, with those settings and none of the developer's own."""
    for name in os.environ:
        if name.startswith(BOT_SETTINGS):
            monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


async def problems() -> dict[str, str]:
    """Check everything; return what is wrong, by the name of its line."""
    parts = await check_everything()
    assert all(part.problem.endswith(".") or "run: " in part.problem for part in parts if not part.ok)
    assert not any(secret in part.problem for part in parts for secret in SECRETS)
    return {part.name: part.problem for part in parts if not part.ok}


async def test_all_is_well(
    settings: dict[str, str], tmp_path: Path, slack: SimulatedSlack, genesys: SimulatedGenesys
) -> None:
    ran = await Shell(tmp_path, settings)("check", "--json")

    assert (ran.status, ran.err) == (0, "")
    assert ran.facts["ok"] is True
    assert [one["what"] for one in ran.facts["checks"]] == EVERYTHING
    assert slack.scheduled == {}
    assert slack.messages("C0AUDIT") == []
    assert [request.status for request in genesys.writes()] == [404, 404]


async def test_a_problem_makes_it_1_and_says_what_to_do(
    settings: dict[str, str], tmp_path: Path, slack: SimulatedSlack
) -> None:
    slack.remove_bot("C0AUDIT")

    ran = await Shell(tmp_path, settings)("check", PURECLOUD_CLIENT_SECRET="not-the-secret")

    assert (ran.status, ran.err) == (1, "")
    lines = ran.out.splitlines()
    assert [line for line in lines if line.startswith("audit channel") and "PROBLEM: " in line and "invite" in line]
    assert [line for line in lines if line.startswith("Genesys login") and "PURECLOUD_CLIENT_SECRET" in line]
    assert [line for line in lines if line.startswith("Slack token") and line.endswith("  ok")]
    assert "not-the-secret" not in ran.out


async def test_wrong_settings_are_lines_too(tmp_path: Path) -> None:
    ran = await Shell(tmp_path)("check", "--json")

    assert ran.status == 1
    assert {one["what"] for one in ran.facts["checks"]} == {"settings"}
    assert any(one["problem"].startswith("SLACK_BOT_TOKEN is missing") for one in ran.facts["checks"])


async def test_wrong_bot_token(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("SLACK_BOT_TOKEN", "xoxb-of-another-app")

    found = await problems()

    assert list(found) == ["Slack token"]
    assert "invalid_auth" in found["Slack token"]
    assert "SLACK_BOT_TOKEN" in found["Slack token"]


async def test_wrong_app_token(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("SLACK_APP_TOKEN", "xapp-of-another-app")

    found = await problems()

    assert list(found) == ["Slack socket"]
    assert "SLACK_APP_TOKEN" in found["Slack socket"]


@pytest.mark.usefixtures("set_up")
async def test_missing_scope(slack: SimulatedSlack) -> None:
    slack.scopes.discard("usergroups:read")

    found = await problems()

    assert list(found) == ["Slack scopes", "user group S0SUPERS"]
    assert found["Slack scopes"].startswith("usergroups:read missing; ")


@pytest.mark.usefixtures("set_up")
async def test_bot_not_in_the_audit_channel(slack: SimulatedSlack) -> None:
    slack.remove_bot("C0AUDIT")

    found = await problems()

    assert list(found) == ["audit channel"]
    assert "not_in_channel; invite the bot" in found["audit channel"]


@pytest.mark.usefixtures("set_up")
async def test_archived_audit_channel(slack: SimulatedSlack) -> None:
    slack.archive("C0AUDIT")

    found = await problems()

    assert list(found) == ["audit channel"]
    assert "is_archived" in found["audit channel"]
    assert "unarchive it" in found["audit channel"]


async def test_unknown_audit_channel(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("SLACK_AUDIT_CHANNEL", "C0NOWHERE")

    found = await problems()

    assert list(found) == ["audit channel"]
    assert "SLACK_AUDIT_CHANNEL" in found["audit channel"]


async def test_unknown_user_group(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("SLACK_SUPERVISORS", "U0ADA,S0NOBODY")

    found = await problems()

    assert list(found) == ["user group S0NOBODY"]
    assert "no_such_subteam" in found["user group S0NOBODY"]
    assert "SLACK_SUPERVISORS" in found["user group S0NOBODY"]


@pytest.mark.usefixtures("set_up")
async def test_slack_is_down(slack: SimulatedSlack) -> None:
    await slack.stop()

    assert list(await problems()) == ["Slack token"]


async def test_wrong_genesys_secret(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("PURECLOUD_CLIENT_SECRET", "not-the-secret")

    found = await problems()

    assert list(found) == ["Genesys login"]
    assert "PURECLOUD_CLIENT_SECRET" in found["Genesys login"]
    assert "not-the-secret" not in found["Genesys login"]


@pytest.mark.usefixtures("set_up")
async def test_missing_genesys_permission(genesys: SimulatedGenesys) -> None:
    genesys.faults.switch_on("forbidden", times=1, only="participant")

    found = await problems()

    assert list(found) == [RECORD]
    assert "conversation:call:record" in found[RECORD]
    assert "Roles" in found[RECORD]


@pytest.mark.usefixtures("set_up")
async def test_genesys_is_down(genesys: SimulatedGenesys) -> None:
    await genesys.stop()

    assert list(await problems()) == ["Genesys login"]


async def test_the_sessions_api_is_checked_where_it_is_used(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("GENESYS_RECORDING_API", "sessions")

    parts = await check_everything()

    assert all(part.ok for part in parts)
    assert "Genesys permission: recording sessions" in [part.name for part in parts]
    assert RECORD not in [part.name for part in parts]


async def test_a_database_of_something_else(set_up: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_text("Dear database, this is no database at all.\n" * 100)
    set_up.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/letter.db")

    found = await problems()

    assert list(found) == ["database"]
    assert "DATABASE_URL" in found["database"]
