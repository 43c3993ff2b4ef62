"""Reminders of long recordings: answered with *Still needed*, and several at once in one message."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from slack_sdk.errors import SlackApiError

from bot.database.outbox.notices import SqlNotices
from bot.errors import AlreadySnoozed, Duplicate, NothingToStop, NotPermitted, OutcomeUnknown, OutOfScope, WrongState
from bot.outbox.relay import GAP_SECONDS
from bot.recording.caller import Principal, Role, Scope
from bot.recording.models import Verb
from bot.recording.monitoring.reminders import TOGETHER_AT_MOST, ReminderTimes
from bot.recording.requests import Request, RequestSource
from tests.support.databases.trail import entries
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, TEAM, asked
from tests.unit.outbox.test_notices import AGAIN, POST, Office, buttons, office

if TYPE_CHECKING:
    from bot.recording.control.still_needed import Snoozed
    from bot.sandbox.slack import SimulatedMessage

__all__ = ["office"]

AFTER = timedelta(minutes=30)
ACTION = "recording:still_needed"
STILL_NEEDED, STOP, RESUME = "recording_still_needed", "recording_stop", "recording_resume"


async def still_needed(
    office: Office, recording_id: UUID, request: Request | None = None, *, after: timedelta | None = AFTER
) -> Snoozed:
    return await office.harness.service.intake.still_needed(request or asked(), recording_id, remind_after=after)


def trail(office: Office) -> list[dict[str, Any]]:
    return [one for one in entries(office.harness.file) if one["action"] == ACTION]


def rows_of_buttons(message: SimulatedMessage) -> list[list[str]]:
    return [[one["action_id"] for one in block["elements"]] for block in message.blocks if block["type"] == "actions"]


def call(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


# Still needed


async def test_an_answer_replaces_the_message_and_the_next_reminder_comes_after_the_same_time_again(
    office: Office,
) -> None:
    recording = await office.starts()
    await office.turn(minutes=30)
    office.harness.clock.advance(300)
    snoozed = await still_needed(office, recording.id)
    until = office.harness.clock.now() + AFTER
    await office.turn()
    (message,) = office.told()
    assert message.text.startswith(f"Still needed, says <@U0ADA>. Next reminder: <!date^{int(until.timestamp())}^")
    assert f"#{snoozed.audit_seq}" in message.text
    assert "Priya Nair · Billing" in message.text
    assert rows_of_buttons(message) == []

    await office.anew().turn(minutes=29)
    assert len(office.told()) == 1
    await office.anew().turn(minutes=1)
    assert len(office.told()) == 2
    again = office.told()[-1]
    assert again.text.startswith("Still recording · Priya Nair · Billing · Running for 1 h 05 min, since ")
    assert rows_of_buttons(again) == [[STILL_NEEDED, STOP]]
    await office.anew().turn(minutes=600)
    assert len(office.told()) == 2  # nobody answered this one

    await still_needed(office, recording.id)
    await office.turn(minutes=31)
    assert len(office.told()) == 3
    assert [one["occasion"] for one in office.notices()] == ["", "/2", "/3"]
    assert [one["outcome"] for one in office.notices()] == ["snoozed", "snoozed", None]


async def test_the_relay_wakes_when_a_reminder_is_due_again(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=20)
    assert await office.notifier.step() == 10 * 60
    await office.turn(minutes=10)
    assert await office.notifier.step() is None  # nobody has answered yet
    office.harness.clock.advance(300)
    await still_needed(office, recording.id)
    await office.turn(minutes=10)
    seconds = await office.notifier.step() or 0.0
    assert seconds == pytest.approx(20 * 60, abs=2 * GAP_SECONDS)
    office.harness.clock.advance(seconds)
    assert await office.notifier.step() == 0
    assert len(office.told()) == 2
    await office.turn()
    await still_needed(office, recording.id, after=None)
    await office.turn()
    assert await office.notifier.step() is None  # reminders were turned off


async def test_the_trail_says_who_answered_for_which_recording_and_until_when(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    await still_needed(office, recording.id, asked(GRACE))
    (entry,) = trail(office)
    assert (entry["phase"], entry["actor"]) == ("succeeded", GRACE)
    assert (entry["conversation_id"], entry["recording_id"]) == (CALL, str(recording.id))
    assert entry["outcome"] == {"until": (office.harness.clock.now() + AFTER).isoformat()}
    await office.turn()
    assert office.told()[0].text.startswith("Still needed, says <@U0GRACE>. ")


async def test_a_second_click_is_told_who_was_first_and_changes_nothing(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    first = await still_needed(office, recording.id, asked(GRACE))
    office.harness.clock.advance(60)
    with pytest.raises(AlreadySnoozed) as refused:
        await still_needed(office, recording.id)
    assert (refused.value.by, refused.value.until) == (GRACE, first.snooze.until)
    assert [one["phase"] for one in trail(office)] == ["succeeded", "failed"]
    assert office.notices()[0]["snoozed_by"] == GRACE


async def test_the_same_click_delivered_twice_counts_once(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    await still_needed(office, recording.id, asked(trigger="same"))
    with pytest.raises(Duplicate):
        await still_needed(office, recording.id, asked(trigger="same"))
    assert len(trail(office)) == 1


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (asked(GRACE, roles=frozenset()), NotPermitted),
        (asked(GRACE, roles=frozenset({Role.COMPLIANCE})), NotPermitted),
        (asked(GRACE, scope=Scope(everything=False, queues=frozenset({"another"}))), OutOfScope),
    ],
)
async def test_a_stranger_is_denied_in_the_trail_and_the_reminder_stays(
    office: Office, request_: Request, error: type[NotPermitted]
) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    with pytest.raises(error):
        await still_needed(office, recording.id, request_)
    (entry,) = trail(office)
    assert (entry["phase"], entry["actor"], entry["recording_id"]) == ("denied", GRACE, str(recording.id))
    await office.turn()
    assert rows_of_buttons(office.told()[0]) == [[STILL_NEEDED, STOP]]
    await office.turn(minutes=120)
    assert len(office.told()) == 1


@pytest.mark.parametrize("how", ["stopped", "paused", "stopping", "call ended"])
async def test_a_click_on_what_does_not_run_any_more_says_how_it_stands(office: Office, how: str) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    match how:
        case "stopped":
            await office.asks(Verb.STOP, GRACE)
        case "paused":
            await office.asks(Verb.PAUSE, GRACE)
        case "stopping":
            await office.requests(Verb.STOP, GRACE)
        case _:
            await office.call_ends(recording.id)
    with pytest.raises(WrongState) as refused:
        await still_needed(office, recording.id)
    assert refused.value.state == {"call ended": "ended"}.get(how, how)
    assert [one["phase"] for one in trail(office)] == ["failed"]


async def test_a_click_on_a_recording_that_is_not_there_is_refused(office: Office) -> None:
    with pytest.raises(NothingToStop):
        await still_needed(office, UUID(int=1))
    assert [one["phase"] for one in trail(office)] == ["failed"]


async def test_a_click_before_the_bot_knows_its_message_posts_no_second_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after Slack took the message and before that was noted, the bot comes back to an answered reminder."""
    recording = await office.starts()
    office.harness.clock.advance(1860)
    await office.notifier.note_due()
    with monkeypatch.context() as killed:
        killed.setattr(SqlNotices, "delivered", _die)
        with pytest.raises(Killed):
            await office.notifier.send_next()
    assert len(office.told()) == 1
    snoozed = await still_needed(office, recording.id)
    assert not snoozed.shown  # so the person gets an answer of their own
    await office.anew().turn(minutes=29)
    assert len(office.told()) == 1
    await office.anew().turn(minutes=2)
    assert len(office.told()) == 2


class Killed(Exception):
    """The process ends here."""


async def _die(*_together: Any, **_rest: Any) -> None:
    raise Killed


async def test_a_pause_during_the_snooze_is_not_reminded_of_as_running(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    await still_needed(office, recording.id)
    await office.turn()
    await office.asks(Verb.PAUSE)
    await office.turn(minutes=40)
    assert [one.text.partition(" ")[0] for one in office.told()] == ["Still", "This"]  # of the pause
    await office.asks(Verb.RESUME)
    await office.turn()
    assert office.told()[-1].text.startswith("Still recording · Priya Nair · Billing · Running for 1 h 11 min")
    assert "40 min 01 s in pauses" in office.told()[-1].text


async def test_where_reminders_were_turned_off_since_an_answer_says_so(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    never = office.anew(times=ReminderTimes())
    await still_needed(office, recording.id, after=None)
    await never.turn()
    assert "Reminders are turned off" in office.told()[0].text
    await office.anew().turn(minutes=600)
    assert len(office.told()) == 1


async def test_a_setting_that_changes_keeps_what_the_message_promised(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    await still_needed(office, recording.id)
    longer = office.anew(times=ReminderTimes(timedelta(minutes=50), None))
    await longer.turn(minutes=30)
    assert len(office.told()) == 2


async def test_the_answer_is_in_the_language_of_the_person(office: Office) -> None:
    german = Request(
        Principal(ADA, frozenset({Role.SUPERVISOR})), RequestSource("command", channel="C0FLOOR", language="de")
    )
    service = office.harness.service
    recording = (await service.carry_out(await service.intake.start(german, CALL, None))).recording
    await office.turn(minutes=31)
    (message,) = office.told()
    assert message.text.startswith(
        "Aufzeichnung läuft noch · Priya Nair · Billing · Laufzeit: 31 Min. 00 Sek., gestartet "
    )
    assert [one["text"]["text"] for one in message.blocks[-1]["elements"]] == ["Noch gebraucht", "Stoppen"]
    await still_needed(office, recording.id)
    await office.turn()
    assert office.told()[0].text.startswith("Wird laut <@U0ADA> noch gebraucht. Nächste Erinnerung: ")


# Several at once


async def test_several_for_one_person_are_one_message_with_a_row_of_buttons_for_each(office: Office) -> None:
    one, two = await office.starts(), await office.starts(call=OTHER_CALL)
    await office.starts(GRACE, call(1))
    await office.turn(minutes=31)
    (message,) = office.told()
    assert message.text.startswith("2 recordings are waiting for your answer\nStill recording · Priya Nair")
    assert (CALL in message.text, OTHER_CALL in message.text) == (True, True)
    assert rows_of_buttons(message) == [[STILL_NEEDED, STOP]] * 2
    assert [value for _, value in buttons(message)] == [str(one.id)] * 2 + [str(two.id)] * 2
    assert message.metadata is not None
    assert message.metadata["event_payload"]["recordings"] == [
        {"recording_id": str(each.id), "kind": "long_recording"} for each in (one, two)
    ]
    assert len(office.told(GRACE)) == 1
    assert "waiting for your answer" not in office.told(GRACE)[0].text
    await office.anew().turn(minutes=60)
    assert len(office.told()) == 1


async def test_each_of_several_is_answered_by_itself(office: Office) -> None:
    one, two = await office.starts(), await office.starts(call=OTHER_CALL)
    third = await office.starts(call=call(3))
    await office.turn(minutes=31)
    await still_needed(office, two.id)
    await office.turn()
    (message,) = office.told()
    heading, first, second, _ = message.text.split("\n")
    assert heading == "2 recordings are waiting for your answer"
    assert first.startswith("Still recording · ")
    assert second.startswith("Still needed, says <@U0ADA>. ")
    assert {value for _, value in buttons(message)} == {str(one.id), str(third.id)}

    await office.asks(Verb.STOP, GRACE)
    await office.turn()
    assert office.told()[0].text.split("\n")[1].startswith("Stopped by <@U0GRACE>, ")
    assert {value for _, value in buttons(office.told()[0])} == {str(third.id)}
    await office.call_ends(two.id)
    await office.call_ends(third.id)
    await office.turn()
    told = office.told()[0].text.split("\n")
    assert [line.partition(" ")[0] for line in told] == ["Stopped", "The", "The"]  # nothing waits: no heading
    assert buttons(office.told()[0]) == []
    assert [each["outcome"] for each in office.notices() if each["kind"] == "long_recording"].count("answered") == 2


async def test_the_buttons_of_one_stay_while_its_stop_is_in_doubt_and_another_is_answered(office: Office) -> None:
    one, two = await office.starts(), await office.starts(call=OTHER_CALL)
    await office.turn(minutes=31)
    office.harness.control.fault = OutcomeUnknown()
    await office.asks(Verb.STOP)
    await still_needed(office, two.id)
    await office.turn()
    assert [value for _, value in buttons(office.told()[0])] == [str(one.id)] * 2
    office.harness.control.fault = None
    await office.settles()
    await office.turn()
    assert buttons(office.told()[0]) == []


async def test_a_pause_and_a_long_recording_that_are_due_together_share_a_message(office: Office) -> None:
    await office.starts()
    await office.starts(call=OTHER_CALL)
    office.harness.clock.advance(28 * 60)
    await office.asks(Verb.PAUSE, ADA, OTHER_CALL)
    await office.turn(minutes=4)
    (message,) = office.told()
    assert rows_of_buttons(message) == [[STILL_NEEDED, STOP], [RESUME]]


async def test_more_than_fit_into_a_message_come_in_the_next(office: Office) -> None:
    for number in range(TOGETHER_AT_MOST + 2):
        await office.starts(call=call(number))
    await office.turn(minutes=31)
    assert [len(rows_of_buttons(message)) for message in office.told()] == [TOGETHER_AT_MOST, 2]


async def test_what_became_due_while_slack_was_away_is_one_message(office: Office) -> None:
    await office.starts()
    office.harness.clock.advance(600)
    await office.starts(call=OTHER_CALL)
    office.slack.faults.switch_on("down", only=POST)
    office.harness.clock.advance(21 * 60)
    await office.notifier.note_due()
    await office.notifier.send_next()
    office.slack.faults.switch_off("down")
    await office.anew().turn(minutes=10)
    (message,) = office.told()
    assert len(rows_of_buttons(message)) == 2
    assert message.text.count(AGAIN) == 1  # only the first one may have arrived before


async def test_one_that_is_over_by_the_time_of_the_post_is_left_out(office: Office) -> None:
    await office.starts()
    await office.starts(call=OTHER_CALL)
    office.harness.clock.advance(1860)
    await office.notifier.note_due()
    await office.asks(Verb.STOP)
    await office.turn()
    (message,) = office.told()
    assert OTHER_CALL in message.text
    assert CALL not in message.text


@pytest.mark.parametrize(("fault", "copies"), [("server_error", 1), ("drop_before", 1), ("drop_after", 2)])
async def test_several_that_may_have_arrived_come_again_together_and_say_so(
    office: Office, fault: str, copies: int
) -> None:
    await office.starts()
    await office.starts(call=OTHER_CALL)
    office.slack.faults.switch_on(fault, times=1, only=POST)
    await office.turn(minutes=31)
    assert [one.text.count(AGAIN) for one in office.told()] == [0, 2][-copies:]
    await office.anew().turn(minutes=10)
    assert len(office.told()) == copies


async def test_killed_between_begun_and_sent_several_come_once_more_together(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.starts()
    await office.starts(call=OTHER_CALL)
    await office.killed_while_posting(monkeypatch, minutes=31)
    assert [one["posts_begun"] for one in office.notices()] == [1, 1]
    await office.anew().turn()
    assert len(rows_of_buttons(office.told()[-1])) == 2
    assert office.told()[-1].text.count(AGAIN) == 2


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "drop_after"])
async def test_an_edit_of_several_that_failed_is_made_up_for(office: Office, fault: str) -> None:
    one, _ = await office.starts(), await office.starts(call=OTHER_CALL)
    await office.turn(minutes=31)
    await still_needed(office, one.id)
    office.slack.faults.switch_on(fault, times=2, value=1, only="chat.update")
    await office.anew().turn()
    (message,) = office.told()
    assert "Still needed, says <@U0ADA>." in message.text
    assert len(rows_of_buttons(message)) == 1


async def test_a_message_that_somebody_deleted_is_let_go_and_the_next_reminder_comes(office: Office) -> None:
    one, _ = await office.starts(), await office.starts(call=OTHER_CALL)
    await office.turn(minutes=31)
    office.slack.workspace.remove(office.told()[0])
    await still_needed(office, one.id)
    await office.turn()
    assert [each["outcome"] for each in office.notices()] == ["lost", None]
    await office.turn(minutes=31)
    assert len(office.told()) == 1


async def test_a_message_that_slack_does_not_accept_comes_in_parts(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.starts()
    await office.starts(call=OTHER_CALL)
    client = office.notifier.client
    post = client.chat_postMessage

    async def refusing(**arguments: Any) -> Any:
        if "recordings" in arguments["metadata"]["event_payload"]:
            raise SlackApiError("refused", {"ok": False, "error": "invalid_blocks"})  # type: ignore[no-untyped-call]
        return await post(**arguments)

    monkeypatch.setattr(client, "chat_postMessage", refusing)
    await office.turn(minutes=31)
    assert [len(rows_of_buttons(message)) for message in office.told()] == [1, 1]
    assert not any(AGAIN in message.text for message in office.told())


async def test_who_can_not_be_reached_keeps_nobody_from_theirs(office: Office) -> None:
    nobody = f"slack:{TEAM}:U0NOBODY"
    await office.starts(nobody)
    await office.starts(nobody, call(1))
    await office.starts(ADA, OTHER_CALL)
    await office.turn(minutes=31)
    assert len(office.told()) == 1
    assert [one["outcome"] for one in office.notices() if one["person"] == nobody] == ["undeliverable"] * 2


async def test_a_recording_that_was_taken_over_is_not_said_to_have_begun_with_the_bot(office: Office) -> None:
    recording = await office.starts()
    current = await office.harness.store.recording(recording.id)
    assert current is not None
    await office.harness.store.write(lambda tx: tx.save(replace(current, adopted=True), was=current))
    await office.turn(minutes=31)
    assert "Running for at least 31 min 00 s; record-bot took it over " in office.told()[0].text
