"""Validates messages and views with Slack's ``blocks.validate``, which needs no scope and shows nothing to anyone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slack_sdk.errors import SlackApiError

from bot.slack.api_errors import code, retry_after
from bot.slack.users import WEB_API_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from slack_sdk.web.async_client import AsyncWebClient

    from bot.admin.checks.sample_messages import Sample
    from bot.recording.ports import Clock

BLOCKS_AT_ONCE = 50
"""A message's; several short messages go into one request, since Slack's rate limit for this is not published."""
FINDINGS = frozenset({"invalid_blocks", "invalid_message", "invalid_view"})
PATIENCE_SECONDS = 90.0
"""How long it waits in all where Slack asks for patience."""


class CantTell(Exception):
    """Slack did not say whether it accepts the messages; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What Slack would refuse: the sample's name, the place in it, and Slack's message."""

    sample: str
    place: str
    says: str

    @property
    def sentence(self) -> str:
        return f"{self.sample}: {self.says}{f' at {self.place}' if self.place else ''}"


@dataclass(slots=True)
class BlockValidation:
    """Validates everything in as few requests as possible."""

    client: AsyncWebClient
    clock: Clock
    patience: float = PATIENCE_SECONDS

    async def findings(self, samples: Iterable[Sample]) -> tuple[Finding, ...]:
        """Return what Slack would refuse; nothing if it accepts everything. Raise CantTell.

        Slack's method does not look at the text beside the blocks: its length is checked here.
        """
        known = list(samples)
        found = [_too_long(one) for one in known if len(one.payload.get("text", "")) > one.text_limit]
        for one in known:
            if one.is_view:
                found += [Finding(one.name, error.place, error.says) for error in await self._ask(view=one.payload)]
        for batch in _batches([one for one in known if not one.is_view]):
            found += await self._of_batch(batch)
        return tuple(found)

    async def _of_batch(self, batch: Sequence[Sample]) -> list[Finding]:
        errors = await self._ask(blocks=[block for index, one in enumerate(batch) for block in _blocks(one, index)])
        if len(batch) > 1 and any(not _index(error) for error in errors):
            # It is about all of them together, and no one of them can be named: ask for each.
            return [finding for one in batch for finding in await self._of_batch([one])]
        return [_located(error, batch) for error in errors]

    async def _ask(self, **payload: Any) -> list[Finding]:
        while True:
            try:
                # Not blocks_validate(): it puts the payload into the address (slack-sdk 3.48.0), which gets too long.
                form = {name: json.dumps(value) for name, value in payload.items()}
                await self.client.api_call("blocks.validate", data=form)
            except WEB_API_ERRORS as error:
                if isinstance(error, SlackApiError) and code(error) in FINDINGS:
                    return _errors(error.response.get("errors"), code(error))
                await self._wait_or_give_up(error)
            else:
                return []

    async def _wait_or_give_up(self, error: Exception) -> None:
        wait = retry_after(error)
        if wait is None or wait > self.patience:
            raise CantTell(code(error)) from error
        self.patience -= wait
        await self.clock.sleep(wait)


def _errors(errors: Any, otherwise: str) -> list[Finding]:
    """Read Slack's ``errors``; without any, use the error's own name."""
    found = [one for one in errors or () if isinstance(one, dict)]
    said = [Finding("", str(one.get("pointer") or ""), str(one.get("message") or otherwise)) for one in found]
    return said or [Finding("", "", otherwise)]


def _batches(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    batch: list[Sample] = []
    blocks = 0
    for one in samples:
        number = len(one.payload["blocks"])
        if batch and blocks + number > BLOCKS_AT_ONCE:
            yield batch
            batch, blocks = [], 0
        batch.append(one)
        blocks += number
    if batch:
        yield batch


def _blocks(sample: Sample, index: int) -> list[dict[str, Any]]:
    """Return the blocks with ids that no other sample in the same request has."""
    return [
        block | {"block_id": f"{index}_{block['block_id']}"} if "block_id" in block else block
        for block in sample.payload["blocks"]
    ]


def _index(error: Finding) -> str:
    first = error.place.removeprefix("/").partition("/")[0]
    return first if first.isdecimal() else ""


def _located(error: Finding, batch: Sequence[Sample]) -> Finding:
    """Name the sample whose block Slack's pointer counts to, and the place within it."""
    if not _index(error):
        return Finding(batch[0].name, error.place, error.says)
    number, rest = int(_index(error)), error.place.removeprefix("/").partition("/")[2]
    for one in batch:
        if number < len(one.payload["blocks"]):
            return Finding(one.name, f"/blocks/{number}/{rest}".removesuffix("/"), error.says)
        number -= len(one.payload["blocks"])
    return Finding(batch[-1].name, error.place, error.says)


def _too_long(sample: Sample) -> Finding:
    length = len(sample.payload["text"])
    return Finding(sample.name, "/text", f"has {length:,} characters, and Slack takes {sample.text_limit:,}")
