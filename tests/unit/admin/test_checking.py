"""``record-bot check``: each thing that ``serve`` needs, wrong once."""

from __future__ import annotations

import dataclasses
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bot.admin.audit_channel import UNTOLD
from bot.admin.checks.check import as_json, as_text, check_everything, exit_status
from bot.admin.checks.rules import in_words
from bot.recording.agents.people import CallVolume
from bot.recording.policy import Rule, RuleAction
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.slack import Enterprise, SimulatedSlack
from tests.support.databases.writer import write_sql
from tests.support.recording.service import open_harness
from tests.support.shell import BOT_SETTINGS, SECRETS, Shell, genesys_settings, slack_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RECORD = "Genesys permission: start and stop recordings"
PAUSE = "Genesys permission: pause and resume recordings"
READ = "Genesys permission: read calls"
EVERYTHING = [
    "settings", "HTTP address", "database", "Slack token", "Slack scopes", "clock", "Slack socket",
    "audit channel", "Slack messages", "user group S0SUPERS", "user U0COMPL", "Genesys region", "Genesys login",
    "Genesys roles", READ, RECORD, PAUSE, "Genesys: list of live calls", "Genesys: which calls are recorded",
    "Genesys: agent names", "Genesys: queue names", "Genesys saved recordings",
    "Genesys: keeping recordings", "Genesys: releasing recordings", "Genesys: reasons on recordings",
    "Genesys: reading reasons on recordings", "Genesys notifications",
    "Genesys trunk recording", "Genesys retention policies", "Genesys recording settings",
]  # fmt: skip


@pytest.fixture
def limits() -> bool:
    """Whether Slack limits requests: a check keeps to the limits; several checks in one minute would wait."""
    return True


@pytest.fixture
async def slack(limits: bool) -> AsyncIterator[SimulatedSlack]:  # noqa: FBT001  a fixture
    simulated = SimulatedSlack(enforce_rate_limits=limits)
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
    return slack_settings(slack) | genesys_settings(genesys) | {"HTTP_PORT": "0"}


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
    assert {"what": "clock", "ok": True, "unknown": False, "problem": None} in ran.facts["checks"]
    assert slack.scheduled == {}
    assert slack.messages("C0AUDIT") == []
    assert [request.status for request in genesys.writes()] == [404] * 4


async def test_a_problem_that_serve_would_refuse_makes_it_2(
    settings: dict[str, str], tmp_path: Path, slack: SimulatedSlack
) -> None:
    slack.remove_bot("C0AUDIT")

    ran = await Shell(tmp_path, settings)("check", PURECLOUD_CLIENT_SECRET="not-the-secret")

    assert (ran.status, ran.err) == (2, "")
    lines = ran.out.splitlines()
    assert [line for line in lines if line.startswith("audit channel") and "PROBLEM: " in line and "invite" in line]
    assert [line for line in lines if line.startswith("Genesys login") and "PURECLOUD_CLIENT_SECRET" in line]
    assert [line for line in lines if line.startswith("Slack token") and line.endswith("  ok")]
    assert "not-the-secret" not in ran.out


async def test_a_problem_with_which_serve_starts_makes_it_1(
    settings: dict[str, str], tmp_path: Path, slack: SimulatedSlack
) -> None:
    slack.remove_bot("C0AUDIT")

    ran = await Shell(tmp_path, settings)("check")

    assert (ran.status, ran.err) == (1, "")
    assert "The bot is not in the audit channel (not_in_channel). Type /invite @record-bot there." in ran.out


async def test_wrong_settings_are_lines_too(tmp_path: Path) -> None:
    ran = await Shell(tmp_path)("check", "--json")

    assert ran.status == 2
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
    assert found["Slack scopes"].startswith("Missing: usergroups:read. ")


@pytest.mark.usefixtures("set_up")
async def test_bot_not_in_the_audit_channel(slack: SimulatedSlack) -> None:
    slack.remove_bot("C0AUDIT")

    found = await problems()

    assert list(found) == ["audit channel"]
    assert "The bot is not in" in found["audit channel"]


@pytest.mark.usefixtures("set_up")
async def test_an_audit_channel_of_two_organizations(slack: SimulatedSlack) -> None:
    slack.scopes.add("groups:read")
    slack.share("C0AUDIT")

    found = await problems()

    assert list(found) == ["audit channel"]
    assert "shares with another organization" in found["audit channel"]


async def test_a_message_that_slack_would_refuse_is_named(set_up: pytest.MonkeyPatch, slack: SimulatedSlack) -> None:
    set_up.setenv("GENESYS_INTERACTION_URL", f"https://apps.example/{'x' * 3000}/{{conversation_id}}")

    found = await problems()

    assert list(found) == ["Slack messages"]
    assert (
        "card: starting (en): must be less than 3001 characters at /blocks/4/elements/0/text;"
        in (found["Slack messages"])
    )
    assert "GENESYS_INTERACTION_URL" in found["Slack messages"]
    assert all(not slack.messages(channel) for channel in slack.workspace.channels)


@pytest.mark.usefixtures("set_up")
async def test_a_slack_without_the_method_can_not_tell(slack: SimulatedSlack) -> None:
    del slack._api.methods["blocks.validate"]
    found = {part.name: part for part in await check_everything()}
    assert found["Slack messages"].ok
    assert found["Slack messages"].problem.endswith("Couldn't be checked: Slack doesn't know blocks.validate.")


@pytest.mark.usefixtures("set_up")
async def test_archived_audit_channel(slack: SimulatedSlack) -> None:
    slack.archive("C0AUDIT")

    found = await problems()

    assert list(found) == ["audit channel"]
    assert "is_archived" in found["audit channel"]
    assert "Unarchive it" in found["audit channel"]


async def test_unknown_audit_channel(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("SLACK_AUDIT_CHANNEL", "C0NOWHERE")

    found = await problems()

    assert list(found) == ["audit channel"]
    assert "SLACK_AUDIT_CHANNEL" in found["audit channel"]


async def test_unknown_user_group(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("SLACK_SUPERVISORS", "U0ADA,S0NOBODY")

    found = await problems()

    assert list(found) == ["user group S0NOBODY"]
    assert "S0NOBODY is not a user group of this workspace" in found["user group S0NOBODY"]
    assert "SLACK_SUPERVISORS" in found["user group S0NOBODY"]


async def test_disabled_user_group(set_up: pytest.MonkeyPatch, slack: SimulatedSlack) -> None:
    set_up.setenv("SLACK_SUPERVISORS", "S0SUPERS,S0NIGHT")
    slack.faults.switch_on("disabled_group")

    found = await problems()

    assert list(found) == ["user group S0NIGHT"]
    assert "S0NIGHT is disabled and gives its members no rights" in found["user group S0NIGHT"]


@pytest.mark.usefixtures("set_up")
async def test_a_token_of_a_whole_organization(slack: SimulatedSlack) -> None:
    slack.join_enterprise(Enterprise(org_wide=True))

    found = await problems()

    assert list(found) == ["Slack token"]
    assert "install the app in the single workspace" in found["Slack token"]


async def test_somebody_who_has_an_id_of_the_organization_by_now(
    set_up: pytest.MonkeyPatch, slack: SimulatedSlack
) -> None:
    set_up.setenv("SLACK_SUPERVISORS", "S0SUPERS,U0ADA,U0GRACE")
    slack.faults.switch_on("enterprise_grid")
    slack.give_global_id("U0ADA", "W0ADA")

    found = await problems()

    assert list(found) == ["user U0ADA"]  # and U0GRACE, whose home is another workspace, is a member
    assert "put W0ADA in place of U0ADA into SLACK_SUPERVISORS" in found["user U0ADA"]


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("U0NOBODY", "user_not_found"),
        ("U0GUEST", "This is a guest"),
        ("U0OUTSIDE", "another workspace"),
        ("U0HELPER", "This account is a bot"),
    ],
)
async def test_somebody_who_is_named_but_would_be_refused(set_up: pytest.MonkeyPatch, user: str, words: str) -> None:
    set_up.setenv("SLACK_SUPERVISORS", f"S0SUPERS,{user}")

    found = await problems()

    assert list(found) == [f"user {user}"]
    assert words in found[f"user {user}"]
    assert "SLACK_SUPERVISORS" in found[f"user {user}"]


@pytest.mark.usefixtures("set_up")
async def test_an_empty_user_group_is_a_note(slack: SimulatedSlack) -> None:
    group = slack.workspace.groups["S0SUPERS"]
    slack.workspace.groups["S0SUPERS"] = dataclasses.replace(group, members=())

    found = {part.name: part for part in await check_everything()}

    assert (found["user group S0SUPERS"].ok, found["user group S0SUPERS"].problem) == (True, "The group is empty.")


@pytest.mark.usefixtures("set_up")
async def test_tokens_of_two_apps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sandbox.slack.events.socket_mode.APP_ID", "A0OTHER")  # whose app the app-level token is of

    found = await problems()

    assert list(found) == ["Slack socket"]
    assert "SLACK_APP_TOKEN belongs to app A0OTHER" in found["Slack socket"]


async def test_the_signing_secret_cannot_be_checked_and_the_line_says_so(set_up: pytest.MonkeyPatch) -> None:
    set_up.delenv("SLACK_APP_TOKEN")
    set_up.setenv("SLACK_SIGNING_SECRET", "any-secret-at-all")

    found = {part.name: part for part in await check_everything()}

    assert all(part.ok for part in found.values())
    assert "Slack socket" not in found
    assert found["Slack signing secret"].problem.startswith("Can't be checked from here.")
    assert "any-secret-at-all" not in str(found)


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


async def test_unknown_genesys_client(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("PURECLOUD_CLIENT_ID", "of-another-region")

    found = await problems()

    assert list(found) == ["Genesys login"]
    assert "PURECLOUD_CLIENT_ID" in found["Genesys login"]
    assert "PURECLOUD_ENVIRONMENT" in found["Genesys login"]


async def test_a_region_that_there_is_not(set_up: pytest.MonkeyPatch) -> None:
    set_up.delenv("GENESYS_API_URL")
    set_up.setenv("PURECLOUD_ENVIRONMENT", "mypurecloud.eu")

    found = await problems()

    assert list(found) == ["settings"]
    assert "'mypurecloud.eu' is not a Genesys Cloud region" in found["settings"]


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize(
    ("only", "line", "permission"),
    [
        ("participant", RECORD, "conversation:call:record"),
        ("recording state", PAUSE, "conversation:recording:pauseOthers"),
        ("conversation call (", READ, "conversation:communication:view"),
    ],
)
async def test_missing_genesys_permission(genesys: SimulatedGenesys, only: str, line: str, permission: str) -> None:
    genesys.faults.switch_on("forbidden", times=1, only=only)

    found = await problems()

    assert list(found) == [line]
    assert permission in found[line]
    assert "Roles" in found[line]


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


async def test_a_database_that_serve_would_refuse(set_up: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with open_harness(tmp_path / "bot.db") as harness:
        await write_sql(harness.engines, "DROP TRIGGER audit_entries_no_update")
    set_up.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/bot.db")

    found = await problems()

    assert list(found) == ["database"]
    assert "audit_entries_no_update" in found["database"]


POLICY = """
[[grant]]
label = "Billing"
who = ["{who}", "U0GRACE"]
queues = ["{queue}"]

[dual_control]
queues = ["{queue}"]
"""


async def policy_lines(tmp_path: Path, *, who: str, queue: str) -> dict[str, tuple[bool, str]]:
    (tmp_path / "policy.toml").write_text(POLICY.format(who=who, queue=queue))
    return {part.name: (part.ok, part.problem) for part in await check_everything()}


@pytest.mark.usefixtures("set_up")
async def test_the_policy_file_and_what_it_names(tmp_path: Path) -> None:
    found = await policy_lines(tmp_path, who="S0SUPERS", queue=derived_id("queue", "Billing"))
    assert found["policy file"] == (
        True,
        "policy.toml: 1 grant; stops need two supervisors on 1 queue.",
    )
    assert found["user U0GRACE"] == found["policy file: queues"] == (True, "")


@pytest.mark.usefixtures("set_up")
async def test_what_the_policy_file_names_has_to_be_there(tmp_path: Path) -> None:
    found = await policy_lines(tmp_path, who="S0NOBODY", queue="no-such-queue")
    assert not found["user group S0NOBODY"][0]
    assert found["policy file: queues"][0] is False
    assert "no-such-queue" in found["policy file: queues"][1]


RULES = """
[[always]]
label = "Sales"
queues = ["{sales}"]
do = "start"
reason = "Quality review"

[[always]]
label = "Tom"
agents = ["{tom}"]
do = "keep"
reason = "Legal"
"""


async def rule_lines(tmp_path: Path) -> dict[str, tuple[bool, str]]:
    (tmp_path / "policy.toml").write_text(
        RULES.format(sales=derived_id("queue", "Sales"), tom=derived_id("user", "Tom Becker"))
    )
    return {part.name: (part.ok, part.problem) for part in await check_everything()}


@pytest.mark.parametrize("limits", [False])
async def test_rules_are_told_with_how_many_calls_they_are(
    set_up: pytest.MonkeyPatch, tmp_path: Path, genesys: SimulatedGenesys
) -> None:
    genesys.calls.clear()  # just after midnight they began on the last whole day, too
    now = datetime.fromtimestamp(genesys.clock(), UTC)
    yesterday = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds() + 3600
    for number in range(36):
        genesys.add_call(agent="Priya Nair", queue="Sales", started_ago=yesterday + number)
    found = await rule_lines(tmp_path)
    assert found["policy file"][1].endswith("; 2 rules.")
    ok, said = found["rule Sales"]
    assert (ok, "about 1.5 calls an hour on average (36 calls on the last whole day, UTC)" in said) == (True, True)
    assert "RECORDING_FOLLOW_TRANSFERS=always" in said
    assert "0 calls" in found["rule Tom"][1]
    assert "RECORDING_FOLLOW_TRANSFERS" not in found["rule Tom"][1]
    assert found["Genesys notifications of queues"] == (True, "")

    set_up.setenv("RECORDING_FOLLOW_TRANSFERS", "always")
    genesys.access.granted -= {"analytics:conversationDetail:view", "routing:queue:view"}
    found = await rule_lines(tmp_path)
    assert "how many calls an hour that would be can't be told" in found["rule Sales"][1]
    assert "analytics:conversationDetail:view" in found["rule Sales"][1]
    assert "RECORDING_FOLLOW_TRANSFERS" not in found["rule Sales"][1]
    assert "needs routing:queue:view" in found["Genesys notifications of queues"][1]
    assert "up to a minute late" in found["Genesys notifications of queues"][1]

    set_up.setenv("RECORDING_KEEP", "never")
    found = await rule_lines(tmp_path)
    assert "ruled out by RECORDING_KEEP=never" in found["policy file"][1]


def test_rules_that_take_too_much_of_the_request_limit_are_warned_of() -> None:
    rule = Rule("Sales", RuleAction.START, "Why", queues=frozenset({"q"}))
    assert "requests a minute" not in in_words(rule, CallVolume(24 * 3000), 300)
    assert "take about 155 of the 300 requests a minute" in in_words(rule, CallVolume(24 * 3100), 300)


ROUTED = """
[dual_control]
queues = ["{queue}"]
escalate = "S0NIGHT"

[[route]]
queues = ["{queue}"]
channel = "{channel}"
"""


@pytest.mark.usefixtures("set_up")
async def test_routes_are_named_and_tried_without_a_trace(tmp_path: Path, slack: SimulatedSlack) -> None:
    billing = derived_id("queue", "Billing")
    (tmp_path / "policy.toml").write_text(ROUTED.format(queue=billing, channel="C0FLOOR"))
    found = {part.name: (part.ok, part.problem) for part in await check_everything()}

    assert found["policy file"][1].endswith("; 1 route.")
    assert found["route to C0FLOOR"] == (True, f"Cards of the queues {billing} go there too. {UNTOLD}")
    assert found["user group S0NIGHT"] == (True, "")
    assert (slack.scheduled, slack.messages("C0FLOOR")) == ({}, [])


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize("shared", [True, False])
async def test_a_route_to_a_channel_that_others_read_is_noted(
    tmp_path: Path,
    slack: SimulatedSlack,
    shared: bool,  # noqa: FBT001
) -> None:
    slack.scopes |= {"channels:read"}
    if shared:
        slack.share("C0FLOOR")
    else:
        slack.invite_organization("C0FLOOR")
    (tmp_path / "policy.toml").write_text(ROUTED.format(queue=derived_id("queue", "Billing"), channel="C0FLOOR"))
    found = {part.name: (part.ok, part.problem) for part in await check_everything()}

    assert found["route to C0FLOOR"][0]
    says = "Another organization can read it" if shared else "its members can read the cards"
    assert says in found["route to C0FLOOR"][1]


@pytest.mark.usefixtures("set_up")
@pytest.mark.parametrize(
    ("channel", "advice"), [("C0FLOOR", "Let apps post there"), ("C0NOWHERE", "Check the policy file")]
)
async def test_a_route_to_where_the_bot_may_not_post(
    tmp_path: Path, slack: SimulatedSlack, channel: str, advice: str
) -> None:
    slack.faults.switch_on("read_only_channel")
    slack.disable_group("S0NIGHT")
    (tmp_path / "policy.toml").write_text(ROUTED.format(queue=derived_id("queue", "Billing"), channel=channel))

    found = await problems()

    assert list(found) == [f"route to {channel}", "user group S0NIGHT"]
    assert advice in found[f"route to {channel}"]


async def test_a_grant_is_of_little_use_with_sessions(tmp_path: Path, set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("GENESYS_RECORDING_API", "sessions")
    found = await policy_lines(tmp_path, who="U0GRACE", queue=derived_id("queue", "Billing"))
    assert "can't start recordings" in found["policy file: sessions"][1]


@pytest.mark.usefixtures("set_up")
async def test_a_policy_file_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[grants]")
    assert "unknown key 'grants'" in (await problems())["policy file"]


async def test_traces_are_a_line_where_they_are_wanted(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert [(part.ok, part.problem) for part in await check_everything() if part.name == "traces"] == [(True, "")]

    set_up.setattr("bot.observability.tracing.PACKAGES", ("no_such_package.sdk",))
    found = await problems()
    assert list(found) == ["traces"]
    assert found["traces"].endswith("run: pip install --require-hashes -r requirements-otel.txt")


@pytest.mark.parametrize("limits", [False])
async def test_several_genesys_clients(set_up: pytest.MonkeyPatch, genesys: SimulatedGenesys, tmp_path: Path) -> None:
    """Each has lines of its own; one that can't log in doesn't keep ``serve`` from starting."""
    file = tmp_path / "clients.toml"
    south = '[[client]]\nlabel = "south"\nid = "south"\nsecret = "unknown-secret"\n'
    file.write_text(
        f'[[client]]\nlabel = "home"\nid = "{genesys.client_id}"\nsecret = "{genesys.client_secret}"\n{south}'
    )
    set_up.setenv("PURECLOUD_CLIENTS", str(file))
    set_up.delenv("PURECLOUD_CLIENT_ID")
    set_up.delenv("PURECLOUD_CLIENT_SECRET")
    some = await check_everything()
    file.write_text(south)
    none = await check_everything()
    file.write_text("")
    unreadable = await check_everything()

    assert {part.name for part in some if not part.ok} == {"Genesys login (south)"}
    assert {part.name for part in some} >= {"Genesys login (home)", f"{PAUSE} (home)"}
    assert (exit_status(some), exit_status(none), exit_status(unreadable)) == (1, 2, 2)
    assert [part.problem for part in unreadable if part.name == "OAuth clients"] == [
        f"{file} (PURECLOUD_CLIENTS) names no client. Write each as [[client]], in double brackets."
    ]
    assert "unknown-secret" not in as_text(some) + as_json(some)
