"""What the organization records by itself: recording trunks, recording settings, media retention policies.

Source: the OpenAPI description of ``/api/v2/telephony/providers/edges/trunkswithrecording``,
``/api/v2/recording/settings`` and ``/api/v2/recording/mediaretentionpolicies``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.sandbox.genesys.state.people import derived_id
from bot.sandbox.genesys.web_api.answers import Answer, Route, SimulatedRequest, page

if TYPE_CHECKING:
    from bot.sandbox.faults import FaultSwitches

RETENTION_VIEW = "recording:retentionPolicy:view"
POLICIES_PATH = "/api/v2/recording/mediaretentionpolicies"


@dataclass(slots=True)
class OrganizationRecording:
    """Two external trunks that record, unless a switch says that none does; the policies are their names."""

    faults: FaultSwitches
    policies: tuple[str, ...] = ("Delete after a year",)

    def routes(self) -> list[Route]:
        trunks = "/api/v2/telephony/providers/edges/trunkswithrecording"
        either = (RETENTION_VIEW, "telephony:plugin:all")
        return [
            Route("GET", trunks, "recording trunks", self.trunks, permission=RETENTION_VIEW, any_of=either),
            Route("GET", "/api/v2/recording/settings", "recording settings", self.settings),
            Route("GET", POLICIES_PATH, "retention policies", self.list_policies, permission=RETENTION_VIEW),
        ]

    def trunks(self, request: SimulatedRequest) -> Answer:
        """Count external trunks; other types are not simulated, and have none."""
        external = 2 if request.query.get("trunkType", "EXTERNAL") == "EXTERNAL" else 0
        recording = 0 if self.faults.take("no_trunk_recording", request.operation) else external
        return Answer(body={"enabledCount": recording, "disabledCount": external - recording})

    def settings(self, _request: SimulatedRequest) -> Answer:
        return Answer(
            body={
                "maxSimultaneousStreams": 100,
                "maxConfigurableScreenRecordingStreams": 2000,
                "regionalRecordingStorageEnabled": False,
                "recordingPlaybackUrlTtl": 60,
                "recordingBatchDownloadUrlTtl": 60,
                "stopRecordingWhenOnlyExternalParticipants": False,
            }
        )

    def list_policies(self, request: SimulatedRequest) -> Answer:
        size, number = page(request, 25)
        found = [
            {
                "id": derived_id("policy", name),
                "name": name,
                "order": order,
                "enabled": True,
                "selfUri": f"{POLICIES_PATH}/{derived_id('policy', name)}",
            }
            for order, name in enumerate(self.policies, start=1)
        ]
        return Answer(
            body={
                "entities": found[(number - 1) * size : number * size],
                "pageSize": size,
                "pageNumber": number,
                "total": len(found),
                "pageCount": -(-len(found) // size),
                "selfUri": f"{POLICIES_PATH}?pageSize={size}&pageNumber={number}",
            }
        )
