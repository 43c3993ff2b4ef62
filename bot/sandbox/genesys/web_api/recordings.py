"""Saved recordings: their metadata, media, annotations, and protection from deletion.

Source: the OpenAPI description of ``/api/v2/conversations/{conversationId}/recordings``, ``recordingmetadata``,
``annotations`` and ``/api/v2/recordings/deletionprotection``. Documented nowhere, and assumed here: protection is
refused with ``recording.conversation.not.found`` until the call has a saved recording, and reading back a protection
takes no permission.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from bot.sandbox.genesys.web_api import answers
from bot.sandbox.genesys.web_api.answers import Answer, Problem, Route, SimulatedRequest
from bot.sandbox.genesys.web_api.files import FORMATS, MediaFiles, SavedFile, files_of, metadata, recording
from bot.sandbox.genesys.web_api.filters import violated

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.sandbox.faults import FaultSwitches
    from bot.sandbox.genesys.state.calls import SimulatedCall
    from bot.sandbox.genesys.state.contact_center import Floor
    from bot.sandbox.genesys.web_api.faults import Effects

VIEW = "recording:recording:view"
FILE_VIEWS = (
    VIEW,
    "recording:recordingSegment:view",
    "recording:snippetRecording:view",
    "recording:screenRecording:view",
)
ANNOTATION_ADD, ANNOTATION_EDIT = "recording:annotation:add", "recording:annotation:edit"
ANNOTATION_VIEW = "recording:annotation:view"
APPLY, REVOKE = "recording:deletionProtection:apply", "recording:deletionProtection:revoke"
CONVERSATION = "/api/v2/conversations/{conversation}"
PROTECTION = "/api/v2/recordings/deletionprotection"
MOST_PROTECTED_AT_ONCE = 100
LONGEST_DESCRIPTION = 500
WRITABLE = frozenset({"id", "name", "type", "location", "durationMs", "description"})
"""Of an ``Annotation``, what a client may send here."""


@dataclass(slots=True)
class Recordings:
    """What was saved of each call, and what people did with it since."""

    floor: Floor
    effects: Effects
    faults: FaultSwitches
    media: MediaFiles
    clock: Callable[[], float]
    protected: set[str] = field(default_factory=set)
    """The conversations whose recordings are protected from deletion."""

    annotations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The bookmarks of each recording, by its id."""

    def routes(self) -> list[Route]:
        one = f"{CONVERSATION}/recordings/{{recording}}"
        may_annotate = (ANNOTATION_ADD, ANNOTATION_EDIT, *FILE_VIEWS)
        may_list = (ANNOTATION_VIEW, *FILE_VIEWS)
        views: dict[str, Any] = {"permission": VIEW, "any_of": FILE_VIEWS}
        add: dict[str, Any] = {"permission": ANNOTATION_ADD, "any_of": may_annotate}
        return [
            Route("GET", f"{CONVERSATION}/recordingmetadata", "recording metadata", self.list_metadata, **views),
            Route("GET", f"{CONVERSATION}/recordings", "recordings", self.list_recordings, **views),
            Route("GET", one, "recording media", self.read_recording, **views),
            Route(
                "GET",
                f"{one}/annotations",
                "annotations",
                self.list_annotations,
                permission=ANNOTATION_VIEW,
                any_of=may_list,
            ),
            Route("POST", f"{one}/annotations", "annotation", self.annotate, "write", **add),
            Route("PUT", PROTECTION, "protection", self.protect, "write", APPLY, any_of=(APPLY, REVOKE)),
            Route("POST", PROTECTION, "protected", self.list_protected),
        ]

    def saved_files(self, call: SimulatedCall) -> list[SavedFile]:
        """Return what is listed of a call by now."""
        late = self.faults.value_of("files_late") or 0.0
        waits = call.ended_at is None or self.clock() < call.ended_at + late
        return [] if waits else files_of(call)

    def list_metadata(self, request: SimulatedRequest) -> Answer:
        """List what was saved: nothing before the call is over."""
        call = self._conversation(request, answers.no_recorded_conversation)
        return Answer(
            body=[
                metadata(
                    call, file, state=self._file_state(call), annotations=self._shown_annotations(request, file.id)
                )
                for file in self.saved_files(call)
            ]
        )

    def list_recordings(self, request: SimulatedRequest) -> Answer:
        """Answer with all recordings, or with 202 and no body while one of them is transcoded."""
        call = self._conversation(request, answers.no_recorded_conversation)
        wanted = _format(request)
        files = self.saved_files(call)
        if any([self._transcoding(call, file, wanted) for file in files]):  # noqa: C419  all of them begin at once
            return Answer(status=202, empty=True)
        return Answer(body=[self._recording(request, call, file, wanted) for file in files])

    def read_recording(self, request: SimulatedRequest) -> Answer:
        """Answer with the media, or with 202 while it is transcoded."""
        call, file = self._file(request)
        wanted = _format(request)
        if seconds := self._transcoding(call, file, wanted):
            body = self._recording(request, call, file, wanted) | {
                "mediaUris": None,
                "estimatedTranscodeTimeMs": int(seconds * 1000),
                "actualTranscodeTimeMs": None,
            }
            return Answer(status=202, body=body)
        download = request.query.get("download") == "true"
        return Answer(body=self._recording(request, call, file, wanted, download=download))

    def list_annotations(self, request: SimulatedRequest) -> Answer:
        _, file = self._file(request)
        return Answer(body=self._shown_annotations(request, file.id))

    def annotate(self, request: SimulatedRequest) -> Answer:
        """Create an annotation, or update the one with the id that is sent."""
        call, file = self._file(request)
        body = request.body
        if not isinstance(body, dict):
            raise answers.bad_request()
        if unknown := sorted(set(body) - WRITABLE):
            raise Problem(
                400,
                "invalid.property",
                "Value [{value}] is not a valid property for object [{object}]",
                value=unknown[0],
                object="Annotation",
            )
        if len(str(body.get("description") or "")) > LONGEST_DESCRIPTION:
            raise Problem(400, "recording.annotation.description.too.long", "The description is too long.")
        known = self.annotations.get(file.id, [])
        existing = next((one for one in known if one["id"] == body.get("id")), None)
        wanted = ANNOTATION_ADD if existing is None else ANNOTATION_EDIT
        if _lacks(request, wanted):
            raise answers.missing_permission(wanted)
        path = f"/api/v2/conversations/{call.conversation_id}/recordings/{file.id}/annotations"
        annotation_id = body.get("id") or str(uuid4())
        annotation = body | {"id": annotation_id, "selfUri": f"{path}/{annotation_id}"}

        def keep() -> None:
            others = [one for one in self.annotations.get(file.id, []) if one["id"] != annotation_id]
            self.annotations[file.id] = [*others, annotation]

        self.effects.accept(request, keep, at_once=True)
        return Answer(body=annotation)

    def protect(self, request: SimulatedRequest) -> Answer:
        """Apply or revoke the protection of conversations' recordings; each takes its own permission."""
        on = request.query.get("protect", "true") == "true"
        wanted = APPLY if on else REVOKE
        if _lacks(request, wanted):
            raise answers.missing_permission(wanted)
        if not request.body:
            raise Problem(400, "recording.empty.payload", "The payload is empty.")
        ids = _conversation_ids(request, answers.bad_request)
        for conversation_id in ids:
            call = self.floor.find(conversation_id)
            if call is None or not self.saved_files(call):
                raise _no_recordings()

        def switch() -> None:
            self.protected = self.protected | ids if on else self.protected - ids

        self.effects.accept(request, switch)
        return Answer(status=204, empty=True)

    def list_protected(self, request: SimulatedRequest) -> Answer:
        """Return those of the conversations that are protected."""
        ids = _conversation_ids(request, _not_a_uuid)
        found = sorted(ids & self.protected)
        return Answer(body=[{"id": one, "selfUri": f"/api/v2/conversations/{one}"} for one in found])

    def _conversation(self, request: SimulatedRequest, missing: Callable[[], Problem]) -> SimulatedCall:
        given = request.ids["conversation"]
        try:
            found = self.floor.find(str(UUID(given)))
        except ValueError:
            raise answers.bad_request(f"The conversation ID is not a valid GUID: {given}") from None
        if found is None:
            raise missing()
        return found

    def _file(self, request: SimulatedRequest) -> tuple[SimulatedCall, SavedFile]:
        call = self._conversation(request, answers.not_found)
        file = next((one for one in self.saved_files(call) if one.id == request.ids["recording"]), None)
        if file is None:
            raise answers.not_found()
        return call, file

    def _file_state(self, call: SimulatedCall) -> str:
        uploading = self.faults.value_of("files_uploading")
        if uploading is not None and call.ended_at is not None and self.clock() < call.ended_at + uploading:
            return "UPLOADING"
        return "ARCHIVED" if self.faults.take("files_archived") else "AVAILABLE"

    def _transcoding(self, call: SimulatedCall, file: SavedFile, wanted: str) -> float:
        """Return the seconds until the media can be played; 0 if it can, or never will."""
        if wanted == "NONE" or self._file_state(call) != "AVAILABLE":
            return 0.0
        return self.media.transcoding(file.id, wanted, self.faults.value_of("slow_transcoding"))

    def _recording(
        self, request: SimulatedRequest, call: SimulatedCall, file: SavedFile, wanted: str, *, download: bool = False
    ) -> dict[str, Any]:
        state = self._file_state(call)
        uris = self.media.uris(file, wanted, download=download) if state == "AVAILABLE" and wanted != "NONE" else None
        return recording(call, file, state=state, annotations=self._shown_annotations(request, file.id), uris=uris)

    def _shown_annotations(self, request: SimulatedRequest, recording_id: str) -> list[dict[str, Any]]:
        """Return the bookmarks, or none without the permission: the description says that they are then excluded."""
        return [] if _lacks(request, ANNOTATION_VIEW) else list(self.annotations.get(recording_id, []))


def _lacks(request: SimulatedRequest, permission: str) -> bool:
    """Whether the client that asks lacks a permission."""
    return request.client is not None and request.client.lacks(permission)


def _conversation_ids(request: SimulatedRequest, no_id: Callable[[], Problem]) -> set[str]:
    ids = request.body.get("conversationIds") if isinstance(request.body, dict) else None
    if not isinstance(ids, list):
        raise answers.bad_request()
    if len(ids) > MOST_PROTECTED_AT_ONCE:
        raise violated(f"conversationIds may have at most {MOST_PROTECTED_AT_ONCE} entries")
    try:
        return {str(UUID(str(one))) for one in ids}
    except ValueError:
        raise no_id() from None


def _format(request: SimulatedRequest) -> str:
    given = request.query.get("formatId", "WEBM")
    if given not in FORMATS:
        raise Problem(
            400,
            "invalid.query.param.value",
            "Value [{value}] is not valid for parameter [{parameter}]. Allowable values are: {allowed}",
            value=given,
            parameter="formatId",
            allowed=", ".join(FORMATS),
        )
    return given


def _no_recordings() -> Problem:
    return Problem(404, "recording.conversation.not.found", "The conversation was not found.")


def _not_a_uuid() -> Problem:
    return Problem(400, "recording.conversation.id.not.uuid", "A conversation ID is not a UUID.")
