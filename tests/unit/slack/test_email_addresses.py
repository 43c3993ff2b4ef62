"""E-mail addresses of people in Slack, by the real client over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.sandbox.slack import SimulatedSlack
from bot.slack.client import web_client, web_session
from bot.slack.people.email_addresses import SCOPE, EmailAddress, EmailAddresses, NoAddress
from tests.support.slack.samples import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEAM = "T0SANDBOX"


@pytest.fixture
async def slack() -> AsyncIterator[SimulatedSlack]:
    simulated = SimulatedSlack()
    simulated.seed()
    await simulated.start()
    yield simulated
    await simulated.stop()


@pytest.fixture
async def addresses(slack: SimulatedSlack) -> AsyncIterator[EmailAddresses]:
    slack.scopes.add(SCOPE)
    async with web_session() as session:
        client = web_client("xoxb-sandbox", api_url=slack.api_url, session=session)
        yield EmailAddresses(client, TEAM, frozenset(slack.scopes))


async def test_the_address_of_a_member_and_of_a_guest(slack: SimulatedSlack, addresses: EmailAddresses) -> None:
    slack.add_person("U0TOM", "Tom Becker", "tom", email="t.becker@example.org")
    assert await addresses.of("U0TOM") == EmailAddress("t.becker@example.org")
    assert await addresses.of("U0GUEST") == EmailAddress("gus.sommer@example.com")
    assert "example" not in repr(await addresses.of("U0TOM"))


@pytest.mark.parametrize("user", ["U0OUTSIDE", "U0HELPER", "U0NOBODY", "U0GONE"])
async def test_who_is_no_member_has_none(slack: SimulatedSlack, addresses: EmailAddresses, user: str) -> None:
    slack.add_person("U0GONE", "Gone Away", "gone", deleted=True)
    assert await addresses.of(user) is NoAddress.NOT_A_MEMBER


async def test_a_member_without_an_address(slack: SimulatedSlack, addresses: EmailAddresses) -> None:
    slack.add_person("U0TOM", "Tom Becker", "tom", email="")
    assert await addresses.of("U0TOM") is NoAddress.NONE_KNOWN


async def test_without_the_scope_nothing_is_asked(slack: SimulatedSlack, addresses: EmailAddresses) -> None:
    without = EmailAddresses(addresses.client, TEAM, frozenset(slack.scopes - {SCOPE}))
    assert await without.of("U0ADA") is NoAddress.SCOPE_DECLINED
    assert slack.requests == []


async def test_a_scope_that_was_withdrawn_since_leaves_no_address(
    slack: SimulatedSlack, addresses: EmailAddresses
) -> None:
    slack.scopes.discard(SCOPE)
    assert await addresses.of("U0ADA") is NoAddress.NONE_KNOWN
    slack.faults.switch_on("missing_scope", times=1)
    assert await addresses.of("U0ADA") is NoAddress.SCOPE_DECLINED


@pytest.mark.parametrize("fault", ["server_error", "rate_limited", "drop_before"])
async def test_slack_out_of_reach(slack: SimulatedSlack, addresses: EmailAddresses, fault: str) -> None:
    slack.faults.switch_on(fault)
    assert await addresses.of("U0ADA") is NoAddress.UNAVAILABLE


@pytest.mark.parametrize("language", sorted(LANGUAGES.known))
def test_each_reason_has_a_sentence(language: str) -> None:
    said = {why.sentence(LANGUAGES.known[language]) for why in NoAddress}
    assert len(said) == len(NoAddress)
    assert all(sentence.endswith(".") for sentence in said)
