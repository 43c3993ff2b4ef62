"""App Home's rendering: what each person sees, in every language, within Slack's sizes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from bot.audit.reports.summary import Summary, Unresolved
from bot.outbox.app_home import A_MINUTE, MINUTE, PERSON_SECONDS, PublishThrottle
from bot.recording.caller import Principal, Role, Scope
from bot.recording.keeping.recording_files import SavedRecording
from bot.recording.live_calls.visible import live_in_scope, recent_in_scope
from bot.recording.models import Approval, ApprovalOutcome, RecordingState, Verb
from bot.sandbox.slack.block_kit.blocks import wrong_with_view
from bot.slack.blocks.card import CONFIRM_STOP, WITHDRAW_STOP
from bot.slack.blocks.home.today import Today
from bot.slack.blocks.home.view import LIVE_SHOWN, HomeFacts, health, home_view, plain_view, stranger_text
from tests.support.clocks.fake_clock import FakeClock
from tests.support.slack.samples import CALL, HOSTILE, LANGUAGES, NOON, RECORDING_ID, STYLE, WORDS, card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.i18n.catalog import Catalog
    from bot.recording.card import Card

ADA, GRACE = "slack:T1:U0ADA", "slack:T1:U0GRACE"
SUPERVISOR = Principal(ADA, frozenset({Role.SUPERVISOR}))
SALES = Principal(
    ADA, frozenset({Role.SUPERVISOR}), scope=Scope(everything=False, queues=frozenset({"q-sales"})), grants=("Sales",)
)
COMPLIANCE = Principal(GRACE, frozenset({Role.COMPLIANCE}))
IN_EVERY_LANGUAGE = pytest.mark.parametrize("words", LANGUAGES.known.values(), ids=lambda words: words.language)
BUSY = Summary(
    counts={"recording:start": {"requested": 5, "succeeded": 4, "denied": 1}},
    denials={"slack:T1:U0MALLORY": 1, "others": 2},
    unresolved=Unresolved(requests=1, in_doubt=2, missing_lines=3, altered=1),
)
APPROVAL = Approval(RECORDING_ID, RECORDING_ID, Verb.STOP, ADA, NOON, NOON + timedelta(minutes=2))


@dataclass(frozen=True)
class FakePart:
    name: str
    ok: bool = True
    facts: Mapping[str, Any] | None = None


WELL = tuple(FakePart(name) for name in ("bot", "database", "slack", "audit_channel", "cards", "genesys"))


def numbered(number: int, **changes: Any) -> Card:
    shown = card(**changes)
    return replace(shown, recording=replace(shown.recording, id=UUID(int=number), audit_seq=number + 1))


def view(facts: HomeFacts, words: Catalog = WORDS) -> dict[str, Any]:
    made, _ = home_view(facts, STYLE.in_(words), NOON)
    assert wrong_with_view(made, wanted="home") == []
    return made


def texts(made: dict[str, Any]) -> str:
    return json.dumps(made["blocks"], ensure_ascii=False)


def buttons(made: dict[str, Any]) -> list[str]:
    return [one["action_id"] for block in made["blocks"] if block["type"] == "actions" for one in block["elements"]]


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("state", RecordingState)
@pytest.mark.parametrize("typed", [HOSTILE * 60, "\u05e9\u05dc\u05d5\u05dd " * 100, "🎧" * 500, ""])
def test_every_state_and_whatever_is_typed_fits(state: RecordingState, typed: str, words: Catalog) -> None:
    saved = tuple(SavedRecording(f"m{one}", typed or "available") for one in range(9))
    changes = {"ended_at": NOON + timedelta(minutes=3), "paused_at": NOON, "error": "several_agents"}
    shown = replace(card(state=state, agent=typed, queue=typed, **changes), approval=APPROVAL, saved=saved)
    made = view(HomeFacts(SUPERVISOR, [shown], [shown], WELL), words)
    assert words(f"states.{state.value}") in texts(made)
    assert "<!channel>" not in texts(made)


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("number", [LIVE_SHOWN, LIVE_SHOWN + 1, 300, 1000])
def test_of_a_thousand_live_recordings_the_first_are_shown_and_the_rest_counted(number: int, words: Catalog) -> None:
    live = [replace(numbered(one, agent=HOSTILE * 9, queue=HOSTILE * 9), approval=APPROVAL) for one in range(number)]
    both = replace(SUPERVISOR, roles=frozenset(Role))
    made = view(HomeFacts(both, live, live[:10], WELL, Today(BUSY, "Europe/Berlin")), words)
    assert buttons(made).count("recording_pause") == LIVE_SHOWN
    assert words("home.live", number=number) in texts(made)
    if number > LIVE_SHOWN:
        assert words("home.more", number=number - LIVE_SHOWN) in texts(made)


def test_only_the_time_does_not_count_as_news() -> None:
    facts = HomeFacts(SUPERVISOR, [card()], [], WELL)
    first, digest = home_view(facts, STYLE, NOON)
    later, same = home_view(facts, STYLE, NOON + timedelta(hours=1))
    assert digest == same
    assert first != later
    assert home_view(replace(facts, live=[card(state=RecordingState.PAUSED)]), STYLE, NOON)[1] != digest
    assert home_view(facts, STYLE.in_(LANGUAGES.of("de")), NOON)[1] != digest


def test_a_limited_supervisor_sees_and_controls_the_grants_calls_only() -> None:
    inside, outside = numbered(1, queue_id="q-sales"), numbered(2, queue_id="q-other")
    own_start = numbered(3, state=RecordingState.STARTING)
    live = [outside, own_start, inside]
    assert live_in_scope(SALES, live) == (own_start, inside)
    assert live_in_scope(replace(SALES, denial_reason="guest"), live) == ()
    assert recent_in_scope(SALES, live) == (inside,)
    assert recent_in_scope(COMPLIANCE, live) == ()
    made = view(HomeFacts(SALES, live_in_scope(SALES, live), (), WELL))
    assert "*Sales*" in texts(made)
    assert WORDS("home.may_control") not in texts(made)


def test_who_sees_every_call_but_may_control_some_has_buttons_for_those() -> None:
    both = replace(SALES, roles=frozenset(Role))
    live = [numbered(1, queue_id="q-sales"), numbered(2, queue_id="q-other")]
    made = view(HomeFacts(both, live_in_scope(both, live), (), WELL))
    assert [block["block_id"] for block in made["blocks"] if block.get("block_id", "").startswith("home_0")] == [
        f"home_{UUID(int=1)}"
    ]


def test_compliance_has_no_button_that_controls() -> None:
    made = view(HomeFacts(COMPLIANCE, [card()], (), WELL, Today(BUSY, "UTC")))
    assert [one for one in buttons(made) if one.startswith("recording_")] == []
    assert CALL[:8] in texts(made)


@IN_EVERY_LANGUAGE
def test_what_is_unresolved_is_counted_in_words(words: Catalog) -> None:
    shown = texts(view(HomeFacts(COMPLIANCE, (), (), WELL, Today(BUSY, "UTC")), words))
    for name, count in (("open_requests", 1), ("in_doubt", 2), ("undelivered", 3), ("altered", 1)):
        assert words(f"home.{name}", count=count) in shown
    assert "*Start*: 5 requested \u2013 4 started; 1 denied" in shown
    assert words("home.others") in shown
    calm = texts(view(HomeFacts(COMPLIANCE, (), (), WELL, Today(Summary(), "UTC")), words))
    assert words("home.nothing_unresolved") in calm


@pytest.mark.parametrize(
    ("actor", "button"), [(ADA, WITHDRAW_STOP), (GRACE, CONFIRM_STOP)], ids=["who asked", "somebody else"]
)
def test_a_waiting_stop_has_the_one_button_that_makes_sense(actor: str, button: str) -> None:
    made = view(HomeFacts(replace(SUPERVISOR, actor=actor), [replace(card(), approval=APPROVAL)], (), WELL))
    assert [one for one in buttons(made) if "stop" in one] == [button]
    closed = replace(APPROVAL, outcome=ApprovalOutcome.EXPIRED, closed_at=NOON, closed_by="bot")
    made = view(HomeFacts(replace(SUPERVISOR, actor=actor), [replace(card(), approval=closed)], (), WELL))
    assert [one for one in buttons(made) if "stop" in one] == ["recording_stop"]


@IN_EVERY_LANGUAGE
def test_health_names_what_is_wrong_and_since_when(words: Catalog) -> None:
    assert health(WELL, words) == words("home.all_well")
    ill = (*WELL[:-1], FakePart("genesys", ok=False, facts={"down_since": NOON.isoformat()}))
    said = health(ill, words)
    assert f"^{int(NOON.timestamp())}^" in said
    assert said.startswith(words("home.works", part=words("home.part_slack")))
    broken = health((FakePart("database", ok=False, facts=None),), words)
    assert broken == words("home.broken", part=words("home.part_database"))


@IN_EVERY_LANGUAGE
@pytest.mark.parametrize("denial_reason", [None, "guest", "deleted", "unconfirmed", "something_new"])
def test_a_stranger_is_told_whom_to_ask(denial_reason: str | None, words: Catalog) -> None:
    text = stranger_text(Principal("slack:T1:U0X", denial_reason=denial_reason), words)
    made, _ = plain_view(text, words, NOON)
    assert wrong_with_view(made, wanted="home") == []
    assert buttons(made) == []
    known = denial_reason in {"guest", "deleted", "unconfirmed"}
    assert (words("home.stranger") in text) is not known


def test_a_person_is_shown_something_every_three_seconds_at_most() -> None:
    clock = FakeClock()
    turns = PublishThrottle(clock)
    assert turns.wait("U1") == 0
    turns.take("U1")
    assert turns.wait("U1") == pytest.approx(PERSON_SECONDS)
    assert turns.just_had("U1")
    assert turns.wait("U2") == 0
    clock.advance(PERSON_SECONDS)
    assert turns.wait("U1") == 0
    assert not turns.just_had("U1")


def test_so_many_views_a_minute_go_out_in_all() -> None:
    clock = FakeClock()
    turns = PublishThrottle(clock)
    for number in range(A_MINUTE):
        assert turns.wait(f"U{number}") == 0
        turns.take(f"U{number}")
        clock.advance(0.5)
    assert turns.wait("U-new") == pytest.approx(MINUTE - A_MINUTE * 0.5)
    clock.advance(turns.wait("U-new"))
    assert turns.wait("U-new") == 0
    turns.take("U-new")
    assert turns.wait("U-other") == pytest.approx(0.5)
