"""What each action costs in requests, statements and commits. More than this is a regression, however fast the machine.

Fewer is welcome: then the figure here goes down with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.errors import NotPermitted
from bot.recording.caller import Principal, Role
from bot.recording.models import Verb
from bot.recording.requests import Request, RequestSource
from bot.sandbox.genesys.state.seed import INBOUND, OUTBOUND, POLICY_RECORDED
from tests.costs.tally import Cost, tallied

if TYPE_CHECKING:
    from tests.costs.conftest import Bench


async def test_what_a_start_costs(bench: Bench) -> None:
    with tallied(bench.control.engines) as tally:
        assert (await bench.start(INBOUND)).error is None

    assert bench.asked_of_genesys() == ["GET", "PATCH", "GET"]
    assert bench.asked_of_slack() == []
    tally.assert_within(Cost(commits=2, written=15, read=1))


async def test_what_a_stop_costs(bench: Bench) -> None:
    await bench.start(INBOUND)
    bench.forget()
    with tallied(bench.control.engines) as tally:
        assert (await bench.change(Verb.STOP, INBOUND)).error is None

    assert bench.asked_of_genesys() == ["PATCH", "GET"]
    assert bench.asked_of_slack() == []
    tally.assert_within(Cost(commits=2, written=16, read=1))


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.RESUME])
async def test_what_a_pause_costs(bench: Bench, verb: Verb) -> None:
    await bench.start(INBOUND)
    if verb is Verb.RESUME:
        await bench.change(Verb.PAUSE, INBOUND)
    bench.forget()
    with tallied(bench.control.engines) as tally:
        assert (await bench.change(verb, INBOUND)).error is None

    assert bench.asked_of_genesys() == ["PUT", "GET"]
    tally.assert_within(Cost(commits=2, written=14, read=1))


async def test_what_a_recording_that_a_policy_began_costs(bench: Bench) -> None:
    assert (await bench.start(POLICY_RECORDED)).error is None
    assert bench.asked_of_genesys() == ["GET"]


async def test_what_a_refusal_costs(bench: Bench) -> None:
    stranger = Request(
        Principal("slack:T0SANDBOX:U0MALLORY"), RequestSource("command", channel="C0FLOOR", trigger="stranger")
    )
    with tallied(bench.control.engines) as tally, pytest.raises(NotPermitted):
        await bench.control.service.intake.start(stranger, INBOUND, None)

    assert bench.asked_of_genesys() == []
    tally.assert_within(Cost(commits=1, written=5))


async def test_what_a_look_at_one_call_costs(bench: Bench) -> None:
    await bench.start(INBOUND)
    bench.forget()
    with tallied(bench.control.engines) as tally:
        await bench.control.service.status(await bench.control.service.ask_status(bench.request(), INBOUND))

    assert bench.asked_of_genesys() == ["GET"]
    tally.assert_within(Cost(commits=2, written=7, read=2))


async def test_what_the_list_costs_does_not_depend_on_how_many_are_live(bench: Bench) -> None:
    for live, call in enumerate((INBOUND, OUTBOUND), start=1):
        await bench.start(call)
        bench.forget()
        with tallied(bench.control.engines) as tally:
            assert len(await bench.control.service.live(bench.request())) == live
        tally.assert_within(Cost(commits=1, written=5, read=1))

    assert bench.asked_of_genesys() == []


async def test_what_an_idle_reconciler_costs(bench: Bench) -> None:
    with tallied(bench.control.engines) as tally:
        assert await bench.control.store.open_attempts() == ()

    tally.assert_within(Cost(read=1))


# What Slack is told


async def test_a_start_is_one_request_for_the_card_and_a_stop_is_two_more(bench: Bench) -> None:
    service = bench.control.service
    accepted = await service.intake.start(bench.request(), INBOUND, None)
    await bench.cards.publish_all()
    await service.carry_out(accepted)
    await bench.cards.publish_all()
    assert bench.asked_of_slack() == ["chat.postMessage"]

    bench.forget()
    stop = await service.intake.change(Verb.STOP, bench.request(), typed_id=INBOUND)
    await bench.cards.publish_all()
    await service.carry_out(stop)  # type: ignore[arg-type]  # without dual control it waits for nobody
    await bench.cards.publish_all()
    assert bench.asked_of_slack() == ["chat.update", "chat.update"]


async def test_what_drawing_a_card_costs(bench: Bench) -> None:
    await bench.start(INBOUND)
    with tallied(bench.control.engines) as tally:
        await bench.cards.publish_all()

    assert bench.asked_of_slack() == ["chat.postMessage"]
    tally.assert_within(Cost(commits=2, written=2, read=1))


async def test_audit_lines_that_wait_go_out_twenty_in_a_message(bench: Bench) -> None:
    for _ in range(10):
        await bench.start(INBOUND)
        await bench.change(Verb.STOP, INBOUND)
    bench.forget()
    with tallied(bench.control.engines) as tally:
        while await bench.audit.publish_next():
            pass

    assert await bench.control.store.head() == 40
    assert bench.asked_of_slack() == ["users.info", *["chat.postMessage"] * 2]  # the person's name, asked for once
    # Of each message: begun, delivered, and the last line shown, by which a cut tail is noticed.
    tally.assert_within(Cost(commits=4, written=6, read=7))


async def test_nobody_is_asked_about_twice_in_a_minute(bench: Bench) -> None:
    for _ in range(10):
        assert Role.SUPERVISOR in (await bench.context.people.caller("U0ADA", "T0SANDBOX")).roles

    assert sorted(bench.asked_of_slack()) == ["usergroups.list", "users.info"]
