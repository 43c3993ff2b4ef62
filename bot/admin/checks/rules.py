"""What ``record-bot check`` says of the policy file's rules: how many calls they are, and what they leave undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.admin.counted import counted
from bot.errors import GenesysError
from bot.recording.handover import FollowTransfers
from bot.recording.policy import RuleAction
from bot.runtime.http_server import ComponentHealth

if TYPE_CHECKING:
    from bot.config.settings import ServeSettings
    from bot.genesys import GenesysClients
    from bot.recording.agents.people import CallVolume
    from bot.recording.policy import Rule

REQUESTS = {RuleAction.START: 3, RuleAction.KEEP: 4}
"""What one call takes: a start reads, writes and confirms; a keep lists the files, protects them and adds the reason
to each, of which there is one as a rule."""
SHARE = 0.5
"""Of the request limit: what is left is for people, and for following what runs."""
DOES = {RuleAction.START: "starts recordings", RuleAction.KEEP: "keeps recordings"}
FOLLOW = (
    "After a transfer, a recording that ended with its agent does not start again. Set "
    "RECORDING_FOLLOW_TRANSFERS=always to have the bot record the next agent."
)


async def check_rules(
    settings: ServeSettings, rules: tuple[Rule, ...], clients: GenesysClients, deadline: float
) -> tuple[ComponentHealth, ...]:
    """Return a line for each rule, with how many calls an hour it would act on; several clients each have their own."""
    return tuple([await _rule(settings, rule, clients, deadline) for rule in rules])


async def _rule(settings: ServeSettings, rule: Rule, clients: GenesysClients, deadline: float) -> ComponentHealth:
    said = [f"It {DOES[rule.action]} by itself: {await _volumes(settings, rule, clients, deadline)}."]
    if rule.action is RuleAction.START and settings.recording_follow_transfers is not FollowTransfers.ALWAYS:
        said.append(FOLLOW)
    return ComponentHealth(f"rule {rule.label}", ok=True, problem=" ".join(said))


async def _volumes(settings: ServeSettings, rule: Rule, clients: GenesysClients, deadline: float) -> str:
    """Return the volume that each client sees: it sees the calls of its divisions."""
    from bot.genesys import call_volume, unattended  # noqa: PLC0415  importing the SDK takes seconds

    found = []
    for client in clients.clients:
        label = f"{client.account.label}: " if client.account.label else ""
        try:
            volume = await call_volume(client, unattended(deadline), queue_ids=rule.queues, user_ids=rule.agents)
        except GenesysError as error:
            said = str(error).removesuffix(".")
            found.append(f"{label}how many calls an hour that would be can't be told ({said})")
        else:
            found.append(label + in_words(rule, volume, settings.genesys_requests_per_minute))
    return "; ".join(found)


def in_words(rule: Rule, volume: CallVolume, per_minute: int) -> str:
    """Say how many calls an hour there were, and what they take of the request limit if that is much."""
    whole = counted(volume.calls, "call")
    calls = f"about {volume.per_hour:,.1f} calls an hour on average ({whole} on the last whole day, UTC)"
    takes = volume.per_hour * REQUESTS[rule.action] / 60
    if takes <= per_minute * SHARE:
        return calls
    return (
        f"{calls}, which take about {takes:,.0f} of the {per_minute} requests a minute that Genesys allows. People go "
        "first, so calls are recorded late or not at all: name fewer queues, or use several OAuth clients "
        "(PURECLOUD_CLIENTS)"
    )
