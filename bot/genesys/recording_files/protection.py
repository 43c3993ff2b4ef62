"""Protects the recordings of a call from deletion, and releases them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.errors import GenesysUnavailable, NotFound, RequestRejected
from bot.genesys.json_fields import listed, part, text
from bot.genesys.recording.confirmed_write import ConfirmedWrite
from bot.genesys.transport.permissions import needing
from bot.genesys.transport.request import GenesysRequest
from bot.recording.keeping.recording_files import ProtectionChange

if TYPE_CHECKING:
    from bot.genesys.transport.answer import Answer
    from bot.genesys.transport.client import GenesysClient
    from bot.genesys.transport.deadline import RequestOptions

APPLY, REVOKE = "recording:deletionProtection:apply", "recording:deletionProtection:revoke"


def protection_request(conversation_id: str, *, on: bool) -> GenesysRequest:
    return GenesysRequest(
        "protect recordings" if on else "release recordings",
        "RecordingApi.put_recordings_deletionprotection",
        {"protect": on, "body": {"conversationIds": [conversation_id]}},
    )


def protected_request(conversation_id: str) -> GenesysRequest:
    return GenesysRequest(
        "read protection",
        "RecordingApi.post_recordings_deletionprotection",
        {"body": {"conversationIds": [conversation_id]}},
        asks=True,
    )


async def read_protection(client: GenesysClient, conversation_id: str, options: RequestOptions) -> bool:
    """Return whether the call's recordings are protected.

    Raise the GenesysError branch: GenesysUnavailable also for an answer that doesn't say it, since an entry without an
    id could be this call's.
    """
    answer = await client.read(protected_request(conversation_id), options)
    body = answer.json()
    protected = [text(part(one).get("id")) for one in body] if isinstance(body, list) else [None]
    if None in protected:
        raise GenesysUnavailable("Genesys's answer does not say what is protected.", evidence=answer.evidence)
    return conversation_id.casefold() in {one.casefold() for one in protected if one}


async def set_protection(
    client: GenesysClient, conversation_id: str, options: RequestOptions, *, on: bool
) -> ProtectionChange:
    """Protect or release all recordings of one call, and confirm it by reading.

    Raise NotFound if Genesys has no recording of the call (yet), RequestRejected if it accepts the request and
    refuses this call, OutcomeUnknown if the change was sent and no reading shows it, PermissionMissing with the
    permission of this side.
    """

    async def seen(_: Answer | None) -> bool:
        return await read_protection(client, conversation_id, options.confirming())

    change = ConfirmedWrite(
        client=client,
        request=protection_request(conversation_id, on=on),
        read_call=seen,
        wanted=lambda protected: protected is on,
        options=options,
        check_answer=lambda answer: _refuse_failed(answer, conversation_id),
    )
    try:
        if await read_protection(client, conversation_id, options) is on:
            return ProtectionChange(on, created=False)
        with needing(APPLY if on else REVOKE):
            changed = await change.make()
    except NotFound as missing:
        raise NotFound("Genesys has no saved recording of this call.", evidence=missing.evidence) from missing
    return ProtectionChange(on, created=changed.ours, evidence=changed.evidence)


def _refuse_failed(answer: Answer, conversation_id: str) -> None:
    """Raise RequestRejected if an accepted request names this call among those that failed.

    The OpenAPI description has only 204 without a body; the SDK's ``ManageDeleteProtectionResult`` has
    ``failedUpdates``, of ``conversation``, ``errorCode`` and ``errorMessage``.
    """
    for failed in listed(answer.document().get("failedUpdates")):
        named: dict[str, Any] = part(failed.get("conversation"))
        if (text(named.get("id")) or conversation_id).casefold() == conversation_id.casefold():
            said = text(failed.get("errorMessage")) or text(failed.get("errorCode")) or "no reason given"
            raise RequestRejected(
                f"Genesys refuses to change the protection of this call's recordings: {said[:200]}",
                evidence=answer.evidence,
            )
