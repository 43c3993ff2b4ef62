"""Asks Slack whether it takes charts: ``data_visualization`` is new (June 2026), and not everyone has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from bot.slack.api_errors import code
from bot.slack.client import WEB_API_ERRORS

if TYPE_CHECKING:
    from slack_sdk.web.async_client import AsyncWebClient

    from bot.slack.blocks.card import Block
    from bot.slack.blocks.reports.chart import Chart

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Charts:
    """Turns a chart into a block that Slack takes: its own, or a section with the same figures as text."""

    client: AsyncWebClient

    async def block(self, chart: Chart) -> Block:
        """Return the chart as ``blocks.validate`` accepts it; as text where it doesn't, or can't tell."""
        drawn = chart.block()
        try:
            # Not blocks_validate(): it puts the payload into the address (slack-sdk 3.48.0), which gets too long.
            await self.client.api_call("blocks.validate", data={"blocks": json.dumps([drawn])})
        except WEB_API_ERRORS as error:
            log.info("chart_block_refused", error=code(error))
            return as_text(chart)
        return drawn


def as_text(chart: Chart) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": chart.text(), "verbatim": True}}
