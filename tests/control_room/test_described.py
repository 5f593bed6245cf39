"""The OpenAPI document tells the truth: what it describes is what answers, whatever is sent."""

from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)

from service.control_room.gate import CSRF_HEADER
from tests.control_room.running import Running
from tests.control_room.story import tell

ENDLESS = "/v1/stream"


def test_every_route_answers_as_it_is_described(shared: Running, client: httpx.Client) -> None:
    tell(shared, client, "33")
    described: Any = schemathesis.openapi.from_dict(client.get("/v1/openapi.json").json())
    described.config.update(base_url=shared.url)
    token = shared.token("native/incidents", "33")
    asked = 0
    for found in described.exclude(path=ENDLESS).get_all_operations():
        operation = found.ok()
        sends = {"Authorization": f"Bearer {token}"} if "ingest" in (operation.tags or ()) else {}
        ask(operation, client, {CSRF_HEADER: client.headers[CSRF_HEADER], **sends})
        asked += 1
    assert asked >= 23


def ask(operation: Any, client: httpx.Client, headers: dict[str, str]) -> None:
    """Ask one route what its description allows, and what it does not."""

    @given(case=operation.as_strategy())
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    def run(case: Any) -> None:
        answer = case.call(
            headers={**dict(case.headers or {}), **headers}, cookies=dict(client.cookies)
        )
        case.validate_response(answer, checks=CHECKS)

    run()


CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


def test_every_route_is_described(client: httpx.Client) -> None:
    paths = client.get("/v1/openapi.json").json()["paths"]
    assert {"/v1/incidents", "/v1/crimes", "/v1/referrals", "/v1/heartbeats"} <= paths.keys()
    assert {"/v1/reports", "/v1/alerts", "/v1/sources", "/v1/board", ENDLESS} <= paths.keys()
    acts = [path for path in paths if path.startswith("/v1/reports/{force}/{ref}/")]
    assert len(acts) == 13
    assert all(path.startswith("/v1/") for path in paths)
