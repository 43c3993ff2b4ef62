"""OpenTelemetry traces: one start is one trace, from Slack's request to the card; without the packages, one warning."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import get_current_span
from structlog.testing import capture_logs

from bot.observability import tracing
from bot.observability.tracing import Tracing, open_tracing
from bot.sandbox.genesys.state.seed import INBOUND
from tests.support.scenario import ADA, MALLORY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.scenario import ServingScenario

FAILED = 2
"""STATUS_CODE_ERROR of the protocol."""
TYPED = "a-complaint-of-Mrs-Miller"


@dataclass(frozen=True)
class Span:
    name: str
    trace: str
    facts: dict[str, Any]
    failed: bool = False
    said: str = field(default="", repr=False)
    """All of it, as text."""


@dataclass
class FakeCollector:
    """Takes spans by OTLP over HTTP, as an OpenTelemetry collector does."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    async def take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for resource in sent.resource_spans:
            self.services |= {
                one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.spans += [
                    Span(one.name, one.trace_id.hex(), _facts(one.attributes), one.status.code == FAILED, str(one))
                    for one in scope.spans
                ]
        return web.Response(content_type="application/x-protobuf")

    def trace_of(self, name: str) -> list[Span]:
        """Return all spans of the trace that a span of this name is in."""
        traces = {span.trace for span in self.spans if span.name == name}
        assert len(traces) == 1, [span.name for span in self.spans]
        return [span for span in self.spans if span.trace in traces]


def _facts(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeCollector]:
    fake = FakeCollector()
    app = web.Application()
    app.router.add_post("/v1/traces", fake.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", fake.url)
    yield fake
    await runner.cleanup()


@pytest.fixture
async def traced(collector: FakeCollector, scenario: ServingScenario) -> FakeCollector:
    assert scenario.serving.settings.otel_exporter_otlp_endpoint == collector.url
    return collector


@pytest.fixture
def quick_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the exporter little time, by its own variable: it goes on trying when the bot ends."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")


async def test_one_start_is_one_trace(traced: FakeCollector, scenario: ServingScenario) -> None:
    await scenario.records(INBOUND, reason=TYPED)
    await scenario.types(MALLORY, "list")
    await scenario.until_delivered()
    requested, succeeded = scenario.entries("recording:start")
    await scenario.end()  # sends what is still to be sent

    trace = traced.trace_of("genesys start ad-hoc recording")
    names = [span.name for span in trace]
    assert {"slack command", "database write", "genesys read call", "slack card"} <= set(names)
    assert names.count("database write") == 2
    assert names.count("slack command") == 1
    assert len({span.facts["record_bot.request"] for span in trace}) == 1
    attempts = {span.facts.get("record_bot.attempt_id") for span in trace if span.name != "slack command"}
    assert attempts == {requested["attempt_id"]}
    sent = {span.facts.get("genesys.correlation_id") for span in trace if span.name.startswith("genesys ")}
    assert succeeded["outcome"]["correlation_id"] in sent
    assert traced.services == {"record-bot"}
    assert TYPED not in repr(traced.spans)


async def test_each_request_is_a_trace_of_its_own(traced: FakeCollector, scenario: ServingScenario) -> None:
    await asyncio.gather(*(scenario.types(ADA, "list") for _ in range(5)))
    await scenario.end()

    assert len({span.trace for span in traced.spans if span.name == "slack command"}) == 5


async def test_what_an_error_says_stays_out_of_the_trace(collector: FakeCollector) -> None:
    traces = open_tracing(collector.url)
    with pytest.raises(RuntimeError), traces.request("command"):
        raise RuntimeError(TYPED)
    await asyncio.to_thread(traces.close)

    (span,) = collector.spans
    assert (span.failed, TYPED in span.said) == (True, False)


@pytest.mark.parametrize("changes", [{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}])
@pytest.mark.usefixtures("quick_exporter")
async def test_a_collector_that_is_away_keeps_nobody_from_working(scenario: ServingScenario) -> None:
    await scenario.records(INBOUND)
    await scenario.clicks(ADA, "stop")
    await scenario.until(lambda: scenario.shows("Stopped"))


def recording(traces: Tracing) -> bool:
    """Say whether a request makes a span; without the SDK, the API's own does nothing."""
    with traces.request("command"):
        records = get_current_span().is_recording()
    traces.close()
    return records


async def test_spans_are_recorded_only_where_they_are_sent(collector: FakeCollector) -> None:
    assert await asyncio.to_thread(recording, open_tracing(collector.url))
    assert [span.name for span in collector.spans] == ["slack command"]


def test_without_the_packages_there_is_one_warning_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "PACKAGES", ("no_such_package.sdk",))

    with capture_logs() as said:
        found = open_tracing("http://127.0.0.1:4318")

    assert not recording(found)
    assert [one["log_level"] for one in said] == ["warning"]
    assert said[0]["install"].endswith(" --require-hashes -r requirements-otel.txt")


def test_where_nothing_is_set_nothing_is_said() -> None:
    with capture_logs() as said:
        assert not recording(open_tracing(None))
    assert said == []
