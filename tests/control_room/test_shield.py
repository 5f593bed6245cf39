"""Headers on every answer; how often and how much may be asked; where the service may listen."""

from pathlib import Path

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.testclient import TestClient

from service.alerts.actors import ActorRole
from service.control_room.app import BODY_MAX
from service.control_room.binding import check_binding
from service.control_room.gate import address
from service.control_room.paces import Pace
from service.control_room.rights import Openly
from service.control_room.shield import HEADERS
from service.hosts.serving import configured
from service.settings import SettingsWrong, read_settings
from tests.control_room.door import a_door
from tests.control_room.test_rights import probes

HTTPS = "https://recount.force.example"


def falling() -> APIRouter:
    router = APIRouter(dependencies=[Depends(Openly("falls"))])

    @router.get("/falls")
    async def falls() -> str:
        raise RuntimeError("words that hold a name")

    return router


@pytest.mark.parametrize("tls", [False, True])
def test_every_answer_carries_the_headers(tmp_path: Path, tls: bool) -> None:
    with a_door(tmp_path, probes(), falling(), proxy_terminates_tls=tls) as door:
        browser = door.browser()
        answers = [
            browser.get("/sign-in"),
            browser.get("/nothing-here"),
            browser.get("/falls"),
            browser.get("/probe/board"),
            browser.get("/probe/board", headers={"Accept": "text/html"}),
            browser.get("/probe/undeclared"),
            browser.get("/v1/openapi.json"),
            browser.post("/v1/incidents", content=b"{}"),
            browser.get("/enter?key=x"),
            browser.request("TRACE", "/sign-in"),
        ]
    assert {answer.status_code for answer in answers} == {200, 303, 401, 403, 404, 405, 500}
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers.get_list(name) == [value], answer.url
        assert ("strict-transport-security" in answer.headers) is tls
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "name" not in answer.text or answer.status_code != 500


def test_nothing_inline_from_elsewhere_or_framed_is_allowed() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_body_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with a_door(tmp_path, probes()) as door:
        browser = door.signed_in(ActorRole.SUPERVISOR)
        form = {"csrf_token": "x" * (BODY_MAX + 1)}
        assert browser.post("/probe/acknowledge/33", data=form).status_code == 413


def test_whoever_asks_too_often_waits(tmp_path: Path) -> None:
    with a_door(tmp_path, probes(), requests_per_minute=5, sign_ins_per_minute=3) as door:
        browser = door.signed_in(ActorRole.SUPERVISOR)
        answers = [browser.get("/probe/board").status_code for _ in range(6)]
        assert answers == [200] * 5 + [429]
        assert int(browser.get("/probe/board").headers["retry-after"]) > 0
        assert door.signed_in(ActorRole.SUPERVISOR).get("/probe/board").status_code == 200
        signing = [door.browser().get("/sign-in").status_code for _ in range(2)]
        assert signing == [401, 429]
        knocking = [door.browser().get("/probe/board").status_code for _ in range(6)]
        assert knocking == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("given", "believed"),
    [
        ({}, False),
        ({"proxy_terminates_tls": True, "proxy_addresses": "10.9.9.9"}, False),
        ({"proxy_terminates_tls": True}, True),
    ],
)
def test_only_the_named_proxy_says_where_a_request_came_from(
    tmp_path: Path, given: dict[str, object], believed: bool
) -> None:
    seen: list[str] = []
    router = APIRouter(dependencies=[Depends(Openly("says where"))])

    @router.get("/where")
    async def where(request: Request) -> None:
        seen.append(address(request))

    with a_door(tmp_path, router, **given) as door:
        config = configured(door.app, door.gate.settings)
        config.load()
        browser = TestClient(config.loaded_app, client=("127.0.0.1", 1))
        browser.get("/where", headers={"X-Forwarded-For": "203.0.113.7"})
    assert seen == ["203.0.113.7" if believed else "127.0.0.1"]


def test_paces_let_a_minutes_worth_through_and_then_one_at_a_time() -> None:
    pace = Pace(60)
    assert [pace.wait("a", 0.0) for _ in range(60)] == [0.0] * 60
    assert pace.wait("a", 0.0) == pytest.approx(1.0)
    assert pace.wait("b", 0.0) == 0.0
    assert pace.wait("a", 1.0) == 0.0
    assert pace.wait("a", 1.0) > 0


def test_paces_remember_so_many_and_no_more() -> None:
    pace = Pace(1, keys_max=100)
    for n in range(1000):
        pace.wait(str(n), 0.0)
    assert len(pace) == 100
    assert pace.wait("999", 0.0) > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "[::1]", "localhost"])
def test_this_machine_is_always_served(host: str) -> None:
    check_binding(read_settings(), host)


PROVIDER = {"oidc_issuer": HTTPS, "oidc_client_id": "recount", "public_url": HTTPS}
OWN_TLS = {"tls_certificate": Path("c.pem"), "tls_key": Path("k.pem")}


@pytest.mark.parametrize(
    ("host", "given", "names"),
    [
        ("0.0.0.0", {}, "RECOUNT_OIDC_ISSUER"),
        ("::", {}, "RECOUNT_OIDC_ISSUER"),
        ("10.0.0.1", {}, "RECOUNT_OIDC_ISSUER"),
        ("board.example", {}, "RECOUNT_OIDC_ISSUER"),
        ("10.0.0.1", OWN_TLS, "RECOUNT_OIDC_ISSUER"),
        ("10.0.0.1", {"proxy_terminates_tls": True}, "RECOUNT_OIDC_ISSUER"),
        ("127.0.0.1", {"proxy_terminates_tls": True}, "RECOUNT_OIDC_ISSUER"),
        ("10.0.0.1", PROVIDER, "RECOUNT_TLS_CERTIFICATE"),
        ("10.0.0.1", {**PROVIDER, "tls_key": Path("k.pem")}, "RECOUNT_TLS_CERTIFICATE"),
        ("127.0.0.1", {**PROVIDER, "oidc_issuer": "http://login.example"}, "RECOUNT_OIDC_ISSUER"),
        ("127.0.0.1", {**PROVIDER, "public_url": "http://b.example"}, "RECOUNT_PUBLIC_URL"),
        ("127.0.0.1", {**PROVIDER, "public_url": ""}, "RECOUNT_PUBLIC_URL"),
        ("127.0.0.1", {**PROVIDER, "oidc_client_id": ""}, "RECOUNT_OIDC_CLIENT_ID"),
    ],
)
def test_elsewhere_needs_sign_in_and_tls(host: str, given: dict[str, object], names: str) -> None:
    with pytest.raises(SettingsWrong, match=names):
        check_binding(read_settings(**given), host)


@pytest.mark.parametrize("tls", [OWN_TLS, {"proxy_terminates_tls": True}])
def test_elsewhere_is_served_with_both(tls: dict[str, object]) -> None:
    check_binding(read_settings(**PROVIDER, **tls), "10.0.0.1")
