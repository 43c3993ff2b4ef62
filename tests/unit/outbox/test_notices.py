"""Direct messages about recordings: each once, whatever happens in between. Slack is simulated; the clock is set."""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.database.outbox.deliveries import SqlOutbox
from bot.database.outbox.due_notices import SqlOccasions
from bot.database.outbox.notices import SqlNotices
from bot.database.queries.pending_work import SqlPendingWork
from bot.database.transaction import SqlTransaction
from bot.errors import AuditUnavailable, CallEnded, OutcomeUnknown
from bot.outbox.notices import Notifier
from bot.outbox.relay import GAP_SECONDS, Backoff
from bot.recording.caller import Principal, Role
from bot.recording.models import RecordingState, Verb
from bot.recording.monitoring.observations import Drift, Observations
from bot.recording.monitoring.reminders import ReminderTimes
from bot.recording.requests import PendingAction, Request, RequestSource
from bot.sandbox.slack import SimulatedSlack
from bot.slack.blocks.card import CardStyle
from bot.slack.client import web_client, web_session
from tests.support.databases.trail import rows
from tests.support.recording.service import ADA, CALL, GRACE, OTHER_CALL, TEAM, Harness, asked, open_harness
from tests.support.slack.samples import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path
    from uuid import UUID

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.recording.models import Recording
    from bot.recording.requests import ActionResult
    from bot.sandbox.slack import SimulatedMessage

POST = "chat.postMessage"
AGAIN = "Reposted"
STYLE = CardStyle(team_id=TEAM, words=LANGUAGES.of("en"), interaction_url="https://g.example/{conversation_id}")


@dataclass(frozen=True)
class Office:
    """The notifier with everything around it."""

    harness: Harness
    slack: SimulatedSlack
    notifier: Notifier

    async def killed_while_posting(self, monkeypatch: pytest.MonkeyPatch, *, minutes: float) -> None:
        """Let time pass, and end the bot while Slack has a message of it and has not answered."""
        monkeypatch.setattr("bot.outbox.relay.END_SECONDS", 0.01)  # a kill waits for nothing
        self.harness.clock.advance(minutes * 60)
        self.slack.faults.switch_on("hang", times=1, only=POST)
        running = asyncio.create_task(self.turn())
        await self.slack.wait_for(lambda: any(one.method == POST for one in self.slack.requests))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    def anew(self, **changes: Any) -> Office:
        """Return it as after a restart."""
        return replace(self, notifier=replace(self.notifier, changes=self.harness.store.changes(), **changes))

    async def turn(self, *, minutes: float = 0) -> None:
        """Let so much time pass, and then let it do all that there is to do."""
        self.harness.clock.advance(minutes * 60)
        await self.notifier.note_due()
        while await self.notifier.send_next():
            await self.notifier.note_due()

    def told(self, actor: str = ADA) -> list[SimulatedMessage]:
        return self.slack.direct_messages(actor.rpartition(":")[2])

    def notices(self) -> list[dict[str, Any]]:
        return rows(self.harness.file, "SELECT * FROM notices ORDER BY noted_at, kind, person")

    async def starts(self, actor: str = ADA, call: str = CALL) -> Recording:
        service = self.harness.service
        return (await service.carry_out(await service.intake.start(asked(actor), call, None))).recording

    async def asks(self, verb: Verb, actor: str = ADA, call: str = CALL) -> ActionResult:
        return await self.harness.service.carry_out(await self.requests(verb, actor, call))

    async def requests(self, verb: Verb, actor: str = ADA, call: str = CALL) -> PendingAction:
        """Put the request into the trail; nobody carries it out yet."""
        accepted = await self.harness.service.intake.change(verb, asked(actor), typed_id=call)
        assert isinstance(accepted, PendingAction)
        return accepted

    async def settles(self) -> None:
        """Let the reconciler settle what is open."""
        await self.harness.reconciler.settle_all()
        self.harness.clock.advance(6)
        await self.harness.reconciler.settle_all()

    async def call_ends(self, recording_id: UUID) -> None:
        recording = await self.harness.store.recording(recording_id)
        assert recording is not None
        assert await Observations(self.harness.store, self.harness.clock).call_ended(recording)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with open_harness(tmp_path / "bot.db") as harness, web_session() as session:
        slack = SimulatedSlack(clock=harness.clock.time)
        await slack.start()
        slack.seed()
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        yield Office(harness, slack, notifier_for(harness, client))
        await slack.stop()
        assert slack.warnings == []


def notifier_for(harness: Harness, client: AsyncWebClient) -> Notifier:
    return Notifier(
        client=client,
        occasions=SqlOccasions(harness.engines),
        notices=SqlNotices(harness.engines),
        pending=SqlPendingWork(harness.engines, harness.store.changes(), harness.clock),
        style_for=lambda _user, language: STYLE.in_(LANGUAGES.of(language)),
        times=ReminderTimes(timedelta(minutes=30), timedelta(minutes=3)),
        busy=harness.service.working,
        owner=harness.reconciler.owner,
        presence=harness.reconciler.presence,
        changes=harness.store.changes(),
        clock=harness.clock,
        pace=Backoff(harness.clock),
    )


def texts(block: object) -> Iterator[tuple[str, str]]:
    """Yield the type and the text of every text object in a message."""
    if isinstance(block, (list, tuple)):
        for one in block:
            yield from texts(one)
    elif isinstance(block, dict):
        if isinstance(block.get("text"), str):
            yield str(block.get("type")), block["text"]
        for value in block.values():
            yield from texts(value)


def buttons(message: SimulatedMessage) -> list[tuple[str, str]]:
    return [
        (one["action_id"], one["value"])
        for block in message.blocks
        for one in block.get("elements", [])
        if one.get("type") == "button"
    ]


# Long recordings


async def test_a_long_recording_is_asked_about_once(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=29)
    assert office.told() == []
    await office.turn(minutes=1)
    (message,) = office.told()
    assert message.text.startswith("Still recording · Priya Nair · Billing · Running for 30 min 00 s, since <!date^")
    assert "Is the recording still needed?" in message.text
    assert CALL in message.text
    assert f"#{recording.audit_seq}" in message.text
    assert AGAIN not in message.text
    own = str(recording.id)
    assert buttons(message) == [("recording_still_needed", own), ("recording_stop", own)]
    await office.turn(minutes=300)
    await office.anew().turn(minutes=300)
    assert len(office.told()) == 1
    assert office.told(GRACE) == []
    assert [one["kind"] for one in office.notices()] == ["long_recording"]


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.PAUSE])
async def test_a_reminder_says_what_came_of_it_and_loses_its_buttons(office: Office, verb: Verb) -> None:
    await office.starts()
    await office.turn(minutes=31)
    settled = await office.asks(verb, GRACE)
    await office.turn()
    (message,) = office.told()
    word = {"stop": "Stopped", "pause": "Paused"}[verb.value]
    assert message.text.startswith(f"{word} by <@U0GRACE>, ")
    assert f"#{settled.audit_seq}" in message.text
    assert buttons(message) == []
    edited = message.edited
    await office.anew().turn(minutes=1)
    assert office.told()[0].edited == edited
    assert office.notices()[0]["outcome"] == "answered"


async def test_the_buttons_stay_while_an_action_runs_and_after_one_that_failed(office: Office) -> None:
    await office.starts()
    await office.turn(minutes=31)
    accepted = await office.requests(Verb.STOP)
    await office.turn()
    assert len(buttons(office.told()[0])) == 2
    office.harness.control.fault = OutcomeUnknown()
    await office.harness.service.carry_out(accepted)
    await office.turn()
    assert len(buttons(office.told()[0])) == 2
    office.harness.control.fault = None
    await office.settles()
    await office.turn()
    assert buttons(office.told()[0]) == []
    assert office.told()[0].text.startswith("Stopped by <@U0ADA>")


async def test_somebody_in_genesys_can_be_what_came_of_it(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    current = await office.harness.store.recording(recording.id)
    assert current is not None
    stopped = Drift(Verb.STOP.action, RecordingState.STOPPED)
    assert await Observations(office.harness.store, office.harness.clock).changed_outside(current, stopped)
    await office.turn()
    assert office.told()[0].text.startswith("Stopped by someone in Genesys, ")


async def test_a_reminder_that_is_no_longer_so_is_not_sent(office: Office) -> None:
    await office.starts()
    office.harness.clock.advance(1801)
    await office.notifier.note_due()
    await office.asks(Verb.STOP)
    await office.turn()
    assert office.told() == []
    assert [one["outcome"] for one in office.notices()] == ["over"]


async def test_nobody_is_reminded_where_the_settings_say_so(office: Office) -> None:
    never = office.anew(times=ReminderTimes())
    await office.starts()
    await never.turn(minutes=600)
    await office.asks(Verb.PAUSE)
    await never.turn(minutes=600)
    assert office.notices() == []


async def test_a_terminal_gets_no_message_and_keeps_nobody_from_theirs(office: Office) -> None:
    await office.starts("cli:root")
    recording = await office.starts(ADA, OTHER_CALL)
    await office.asks(Verb.PAUSE, "cli:root", OTHER_CALL)
    await office.turn(minutes=4)
    assert [message.text.partition(" <!date")[0] for message in office.told()] == ["This recording was paused"]
    await office.asks(Verb.RESUME, "cli:root", OTHER_CALL)
    await office.turn(minutes=30)
    assert {one["person"] for one in office.notices()} == {ADA}
    assert {one["recording_id"] for one in office.notices()} == {str(recording.id)}


# Long pauses


async def test_a_long_pause_is_brought_to_mind_of_both_and_once_for_each_pause(office: Office) -> None:
    recording = await office.starts(ADA)
    await office.asks(Verb.PAUSE, GRACE)
    await office.turn(minutes=2)
    assert office.notices() == []
    await office.turn(minutes=1)
    for person in (ADA, GRACE):
        (message,) = office.told(person)
        assert message.text.startswith("This recording was paused ")
        assert buttons(message) == [("recording_resume", str(recording.id))]
    await office.anew().turn(minutes=10)
    assert len(office.told(ADA)) == len(office.told(GRACE)) == 1

    await office.asks(Verb.RESUME, GRACE)
    await office.turn()
    for person in (ADA, GRACE):
        assert office.told(person)[0].text.startswith("Resumed by <@U0GRACE>, ")
        assert buttons(office.told(person)[0]) == []
    await office.asks(Verb.PAUSE, ADA)
    await office.turn(minutes=4)
    assert len(office.told(ADA)) == 2
    assert len(office.told(GRACE)) == 1


async def test_a_pause_that_somebody_made_in_genesys_is_not_ours_to_remind_of(office: Office) -> None:
    recording = await office.starts()
    await office.asks(Verb.PAUSE)
    resumed = (await office.asks(Verb.RESUME)).recording
    assert recording.id == resumed.id
    paused = Drift(Verb.PAUSE.action, RecordingState.PAUSED)
    assert await Observations(office.harness.store, office.harness.clock).changed_outside(resumed, paused)
    await office.turn(minutes=10)
    assert office.notices() == []


async def test_a_pause_that_a_stop_ended_loses_its_buttons(office: Office) -> None:
    await office.starts()
    await office.asks(Verb.PAUSE)
    await office.turn(minutes=4)
    await office.asks(Verb.STOP)
    await office.turn()
    assert office.told()[0].text.startswith("Stopped by <@U0ADA>")
    assert buttons(office.told()[0]) == []


# The end of a call


async def test_the_end_of_a_call_is_told_to_the_one_who_started(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=10)
    await office.asks(Verb.PAUSE, GRACE)
    office.harness.clock.advance(90)
    await office.asks(Verb.RESUME, GRACE)
    await office.turn(minutes=5)
    await office.call_ends(recording.id)
    await office.turn()
    (message,) = office.told(ADA)
    assert message.text.startswith("The call has ended, and so has its recording. 15 min 00 s recorded")
    assert "not counting 1 min 30 s of pauses" in message.text
    assert f"https://g.example/{CALL}" in str(message.blocks)
    assert "#" in message.text
    await office.anew().turn(minutes=5)
    assert len(office.told(ADA)) == 1
    assert office.told(GRACE) == []


@pytest.mark.parametrize(("who", "told"), [(ADA, 0), (GRACE, 1)])
async def test_who_stopped_it_themselves_knows(office: Office, who: str, told: int) -> None:
    await office.starts()
    office.harness.control.fault = CallEnded()
    await office.asks(Verb.STOP, who)
    await office.turn()
    assert [message.text.startswith("The call has ended") for message in office.told(ADA)] == [True] * told
    assert office.told(GRACE) == []


async def test_a_stop_and_a_start_that_failed_are_told_to_nobody(office: Office) -> None:
    await office.starts()
    await office.asks(Verb.STOP)
    office.harness.control.fault = CallEnded()
    await office.starts(ADA, OTHER_CALL)
    await office.turn()
    assert office.notices() == []


# What nobody knew


@pytest.mark.parametrize("took_effect", [True, False])
async def test_how_a_doubt_was_settled_is_told_to_the_one_who_asked(office: Office, *, took_effect: bool) -> None:
    await office.starts(ADA)
    if took_effect:
        office.harness.control.late_fault = OutcomeUnknown()
    else:
        office.harness.control.fault = OutcomeUnknown()
    await office.asks(Verb.PAUSE, GRACE)
    office.harness.control.fault = office.harness.control.late_fault = None
    await office.turn()
    assert office.notices() == []  # the answer to the request has said that nobody knows yet
    await office.settles()
    await office.turn()
    (message,) = office.told(GRACE)
    assert message.text.startswith("Confirmed: your pause request ")
    assert "worked" in message.text
    assert "The recording is paused." in message.text  # a pause is driven again until it is in force
    assert buttons(message) == []
    await office.anew().turn(minutes=1)
    assert len(office.told(GRACE)) == 1
    assert office.told(ADA) == []


async def test_a_start_that_did_not_take_effect_is_told(office: Office) -> None:
    office.harness.control.fault = OutcomeUnknown()
    await office.starts()
    office.harness.control.fault = None
    await office.settles()
    await office.turn()
    (message,) = office.told()
    assert message.text.startswith("Confirmed: your start request ")
    assert "did not work. record-bot is not recording this call." in message.text


async def test_a_doubt_that_the_end_of_the_call_settled_is_one_message(office: Office) -> None:
    await office.starts()
    office.harness.control.fault = OutcomeUnknown()
    await office.asks(Verb.STOP)
    office.harness.control.fault = CallEnded()
    await office.settles()
    await office.turn()
    (message,) = office.told()
    assert message.text.startswith("The call has ended, and with it")
    assert re.search(r"\d+ s recorded\.", message.text)


async def test_a_request_that_was_cut_off_is_told_as_unknown_and_then_as_settled(office: Office) -> None:
    await office.starts()
    await office.requests(Verb.STOP, GRACE)
    office.harness.control.fault = OutcomeUnknown()  # nothing can be read either
    await office.settles()
    await office.turn()
    assert office.told(GRACE) == []  # it may still be worked on
    await office.turn(minutes=0.5)
    (message,) = office.told(GRACE)
    assert message.text.startswith("Your stop request ")
    assert "interrupted" in message.text
    await office.anew().turn(minutes=1)
    assert len(office.told(GRACE)) == 1
    office.harness.control.fault = None
    await office.settles()
    await office.turn()
    assert [one.text.partition(" (")[0] for one in office.told(GRACE)] == [
        "Your stop request",
        "Confirmed: your stop request",
    ]
    assert ") worked." in office.told(GRACE)[-1].text
    assert office.told(ADA) == []


async def test_who_still_works_on_a_request_will_say_how_it_ends(office: Office) -> None:
    await office.starts()
    accepted = await office.requests(Verb.STOP)
    office.harness.service.working.add(accepted.attempt.id)
    await office.turn(minutes=1)
    assert office.notices() == []


async def test_an_unknown_outcome_that_is_settled_before_slack_answers_is_told_once(office: Office) -> None:
    await office.starts()
    await office.requests(Verb.STOP)
    office.harness.clock.advance(31)
    await office.notifier.note_due()
    await office.settles()
    await office.turn()
    assert [one.text.partition(" (")[0] for one in office.told()] == ["Confirmed: your stop request"]


# What goes wrong at Slack


@pytest.mark.parametrize("fault", ["rate_limited", "missing_scope"])
async def test_what_slack_plainly_refused_comes_once(office: Office, fault: str) -> None:
    await office.starts()
    office.slack.faults.switch_on(fault, times=3, value=7, only=POST)
    await office.turn(minutes=31)
    (message,) = office.told()
    assert AGAIN not in message.text
    if fault == "rate_limited":
        assert office.harness.clock.slept.count(7) == 3


@pytest.mark.parametrize(("fault", "copies"), [("server_error", 1), ("drop_before", 1), ("down", 1), ("drop_after", 2)])
async def test_what_may_have_arrived_comes_again_and_says_so(office: Office, fault: str, copies: int) -> None:
    await office.starts()
    office.slack.faults.switch_on(fault, times=1, only=POST)
    await office.turn(minutes=31)
    assert [AGAIN in one.text for one in office.told()] == [False, True][-copies:]
    await office.anew().turn(minutes=10)
    assert len(office.told()) == copies


async def test_killed_between_begun_and_sent_it_comes_once_more_and_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.starts()
    await office.killed_while_posting(monkeypatch, minutes=31)
    await office.anew().turn()
    assert AGAIN in office.told()[-1].text
    await office.anew().turn(minutes=1)
    assert [AGAIN in one.text for one in office.told()].count(True) == 1


async def test_after_an_hour_without_slack_each_comes_once(office: Office) -> None:
    recording = await office.starts()
    await office.starts(GRACE, OTHER_CALL)
    office.slack.faults.switch_on("down")
    await office.call_ends(recording.id)
    begin = office.harness.clock.elapsed
    while office.harness.clock.elapsed < begin + 4000:
        await office.notifier.note_due()
        await office.notifier.send_next()
        office.harness.clock.advance(300)
    office.slack.faults.switch_off("down")
    await office.anew().turn()
    assert [one.text.partition(".")[0] for one in office.told()] == ["The call has ended, and so has its recording"]
    assert [one.text.partition(" · ")[0] for one in office.told(GRACE)] == ["Still recording"]


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "drop_before", "drop_after"])
async def test_an_edit_that_failed_is_made_up_for(office: Office, fault: str) -> None:
    await office.starts()
    await office.turn(minutes=31)
    await office.asks(Verb.STOP)
    office.slack.faults.switch_on(fault, times=2, value=1, only="chat.update")
    await office.turn()
    (message,) = office.told()
    assert message.text.startswith("Stopped by")


async def test_who_can_not_be_reached_holds_nobody_up(office: Office) -> None:
    await office.starts(f"slack:{TEAM}:U0NOBODY")
    await office.starts(ADA, OTHER_CALL)
    await office.turn(minutes=31)
    assert len(office.told()) == 1
    assert [one["outcome"] for one in office.notices() if "NOBODY" in one["person"]] == ["undeliverable"]


async def test_a_reminder_that_somebody_deleted_is_let_go(office: Office) -> None:
    await office.starts()
    await office.turn(minutes=31)
    office.slack.workspace.remove(office.told()[0])
    await office.asks(Verb.STOP)
    await office.turn()
    assert [one["outcome"] for one in office.notices()] == ["lost"]


async def test_there_is_more_than_a_second_between_two_messages(office: Office) -> None:
    for number in range(4):
        recording = await office.starts(call=f"00000000-0000-4000-8000-00000000000{number}")
        await office.call_ends(recording.id)
    await office.turn(minutes=31)
    times = [float(one.ts) for one in office.told()]
    assert len(times) == 4
    assert all(later - earlier >= GAP_SECONDS - 0.01 for earlier, later in itertools.pairwise(times))


# Time


async def test_what_ended_long_before_the_first_look_is_told_to_nobody(office: Office) -> None:
    old = await office.starts()
    await office.call_ends(old.id)
    office.harness.clock.advance(7 * 86400)
    new = await office.starts(GRACE, OTHER_CALL)
    await office.call_ends(new.id)
    await office.turn()
    assert office.told(ADA) == []
    assert len(office.told(GRACE)) == 1


async def test_what_ended_more_than_an_hour_before_a_later_look_is_noted_and_not_told(office: Office) -> None:
    recording = await office.starts()
    await office.turn()
    await office.call_ends(recording.id)
    await office.anew().turn(minutes=61)
    assert office.told() == []
    assert [one["outcome"] for one in office.notices()] == ["outdated"]
    office.harness.clock.advance(-7200)
    await office.anew().turn()
    assert office.told() == []


async def test_a_clock_that_is_set_back_repeats_nothing(office: Office) -> None:
    recording = await office.starts()
    await office.turn(minutes=31)
    office.harness.clock.advance(-3600)
    await office.anew().turn()
    await office.call_ends(recording.id)
    await office.anew().turn()
    await office.anew().turn(minutes=61)
    assert [one.text.partition(" ")[0] for one in office.told()] == ["The", "The"]  # the edited reminder, and the end
    assert "0 s recorded." in office.told()[1].text


async def test_what_was_seen_in_time_is_told_however_long_slack_takes(office: Office) -> None:
    recording = await office.starts()
    await office.call_ends(recording.id)
    await office.notifier.note_due()  # it would be posted now, and Slack does not take it
    await office.anew().turn(minutes=180)
    assert len(office.told()) == 1
    (progress,) = rows(office.harness.file, "SELECT seq FROM notice_progress")
    assert progress["seq"] == await office.harness.store.head()


# The transaction that decides


async def test_the_end_of_a_call_and_its_notice_are_one_transaction(office: Office) -> None:
    recording = await office.starts()
    await office.call_ends(recording.id)  # killed here: no relay has run yet
    (notice,) = office.notices()
    assert (notice["kind"], notice["person"]) == ("call_ended", ADA)
    assert notice["audit_seq"] == await office.harness.store.head()


async def test_a_settled_doubt_and_its_notice_are_one_transaction(office: Office) -> None:
    await office.starts()
    office.harness.control.fault = OutcomeUnknown()
    await office.asks(Verb.STOP)
    office.harness.control.fault = None
    await office.settles()  # killed here
    (notice,) = office.notices()
    assert (notice["kind"], notice["verb"], notice["person"]) == ("outcome_settled", "stop", ADA)


async def test_what_could_not_be_written_leaves_neither_an_outcome_nor_a_notice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = await office.starts()
    head = await office.harness.store.head()

    def cut_off(*_: Any) -> None:
        raise AuditUnavailable

    monkeypatch.setattr(SqlTransaction, "add_notices", cut_off)
    with pytest.raises(AuditUnavailable):
        await office.call_ends(recording.id)
    assert await office.harness.store.head() == head
    assert office.notices() == []


# What else a supervisor sees


async def test_a_message_is_in_the_language_of_the_card(office: Office) -> None:
    german = Request(
        Principal(ADA, frozenset({Role.SUPERVISOR})), RequestSource("command", channel="C0FLOOR", language="de")
    )
    service = office.harness.service
    await service.carry_out(await service.intake.start(german, CALL, None))
    await office.turn(minutes=31)
    (message,) = office.told()
    assert "Wird sie noch gebraucht?" in message.text


async def test_names_from_genesys_stay_inert(office: Office) -> None:
    recording = await office.starts()
    hostile = "<!channel> & <@U0GRACE|x>"
    await office.harness.store.write(
        lambda transaction: transaction.remember_name(
            "user", str(recording.agent_user_id), hostile, office.harness.clock.now()
        )
    )
    await office.turn(minutes=31)
    (message,) = office.told()
    assert "&lt;!channel&gt; &amp; &lt;@U0GRACE|x&gt;" in message.text
    read = list(texts(message.blocks))
    assert any("&lt;!channel&gt;" in text for kind, text in read if kind == "mrkdwn")
    assert all("<!channel>" not in text for kind, text in read if kind != "plain_text")  # which Slack shows as it is


async def test_pauses_are_summed_up(office: Office) -> None:
    recording = await office.starts()
    for verb, seconds in [(Verb.PAUSE, 61), (Verb.RESUME, 300), (Verb.PAUSE, 30), (Verb.STOP, 0)]:
        await office.asks(verb)
        office.harness.clock.advance(seconds)
    done = await office.harness.store.recording(recording.id)
    assert done is not None
    assert (done.paused_seconds, done.paused_at) == (91, None)


async def test_a_pause_that_ends_with_the_call_counts(office: Office) -> None:
    recording = await office.starts()
    await office.asks(Verb.PAUSE)
    office.harness.clock.advance(40)
    await office.call_ends(recording.id)
    done = await office.harness.store.recording(recording.id)
    assert done is not None
    assert done.paused_seconds == 40


@pytest.mark.parametrize(("actor", "channel"), [(ADA, "U0ADA"), ("cli:root", None)])
async def test_a_recording_asked_for_in_no_channel_has_its_card_as_a_direct_message(
    office: Office, actor: str, channel: str | None
) -> None:
    nowhere = Request(Principal(actor, frozenset({Role.SUPERVISOR})), RequestSource("modal"))
    await office.harness.service.intake.start(nowhere, CALL, None)
    cards = await SqlOutbox(office.harness.engines).stale_cards()
    assert [one.channel for one in cards] == ([channel] if channel else [])


@pytest.mark.parametrize("language", LANGUAGES.known)
@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("kind", ["unknown", "in_effect", "not_in_effect", "call_ended"])
def test_there_are_words_for_every_outcome(language: str, verb: Verb, kind: str) -> None:
    key = f"notices.unknown_{verb.value}" if kind == "unknown" else f"notices.settled_{verb.value}_{kind}"
    assert key in LANGUAGES.known[language].texts


async def test_a_message_that_slack_refuses_for_a_reason_of_its_own_holds_nobody_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.starts()
    await office.starts(GRACE, OTHER_CALL)
    client = office.notifier.client
    post = client.chat_postMessage

    async def refusing(*, channel: str, **rest: Any) -> Any:
        if channel == "U0ADA":
            raise SlackApiError("refused", {"ok": False, "error": "something_new"})  # type: ignore[no-untyped-call]
        return await post(channel=channel, **rest)

    monkeypatch.setattr(client, "chat_postMessage", refusing)
    office.harness.clock.advance(31 * 60)
    await office.notifier.note_due()
    for _ in range(3):
        await office.notifier.send_next()
    assert len(office.told(GRACE)) == 1
    monkeypatch.undo()
    await office.turn()
    (message,) = office.told()
    assert AGAIN not in message.text
