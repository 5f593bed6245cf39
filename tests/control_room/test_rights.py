"""Rights of routes: every role, force and route; a route that says nothing lets nobody in."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from service.alerts.actors import MAY, Action, ActorRole
from service.control_room.app import API
from service.control_room.consulting import consult
from service.control_room.problems import Problem
from service.control_room.rights import (
    SAFE_METHODS,
    SEES,
    Openly,
    Required,
    Special,
    View,
    Viewer,
    declared,
    needed,
    require,
)
from service.ledger.consulted import Consulted, Look, Purpose, read_consulted
from tests.control_room.door import Door, a_door

OF_NO_RIGHT = {
    f"{API}/openapi.json": "says what the API is, and nothing that it holds",
    "/static": "",
}
"""What is served by something else than a route of ours."""

TABLE = """
board         call_handler supervisor decision_maker duty_inspector public_protection registrar auditor
worklist      call_handler supervisor decision_maker duty_inspector public_protection registrar auditor
report        call_handler supervisor decision_maker duty_inspector public_protection registrar auditor
sources       everybody
notifications supervisor decision_maker duty_inspector public_protection registrar auditor ops
mutes         supervisor decision_maker duty_inspector public_protection registrar auditor ops
typed         supervisor decision_maker duty_inspector public_protection registrar auditor
disclose      supervisor decision_maker duty_inspector public_protection registrar
audit         registrar auditor
statistics    supervisor decision_maker duty_inspector public_protection registrar auditor
stream        call_handler supervisor decision_maker duty_inspector public_protection registrar auditor
api           call_handler supervisor decision_maker duty_inspector public_protection registrar auditor
metrics       auditor ops admin
tokens        admin
settings      admin
own           everybody
"""
"""Who sees what, written down a second time."""


def table() -> dict[View, set[ActorRole]]:
    rows = [row.split() for row in TABLE.strip().splitlines()]
    return {
        View(view): set(ActorRole) if roles == ["everybody"] else {ActorRole(r) for r in roles}
        for view, *roles in rows
    }


def may(right: View | Action) -> set[ActorRole]:
    return table()[right] if isinstance(right, View) else set(MAY[right])


def probes() -> APIRouter:
    """A route for each right, as any room could add one, and one that says nothing."""
    router = APIRouter(prefix="/probe")
    rights: list[View | Action] = [*View, *Action]
    for right in rights:
        add_probe(router, right)

    @router.get("/report/{force}/{ref}")
    async def report(
        request: Request,
        force: str,
        ref: str,
        viewer: Annotated[Viewer, Depends(require(View.REPORT))],
        group: str = "",
        referral: bool = False,
        recipient: str = "",
    ) -> str:
        needs = needed(referral=referral, group=group)
        await consult(request, viewer, force, ref, needs, recipient=recipient)
        return ref

    @router.get("/undeclared")
    async def undeclared() -> str:
        return "seen"

    return router


def add_probe(router: APIRouter, right: View | Action) -> None:
    async def probe(viewer: Annotated[Viewer, Depends(require(right))]) -> str:
        return viewer.id

    method = "GET" if isinstance(right, View) else "POST"
    router.add_api_route(f"/{right.value}/{{force}}", probe, methods=[method])
    router.add_api_route(f"/{right.value}", probe, methods=[method])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(
        tmp_path_factory.mktemp("door"),
        probes(),
        requests_per_minute=1_000_000,
        sign_ins_per_minute=1_000_000,
    ) as door:
        yield door


def routes(door: Door) -> list[RouteContext]:
    return list(iter_route_contexts(door.app.routes))


def test_the_table_of_views_is_as_written_down() -> None:
    assert {view: set(roles) for view, roles in SEES.items()} == table()
    assert set(table()) == set(View)


def test_every_route_says_who_may_have_it(tmp_path: Path) -> None:
    with a_door(tmp_path) as door:
        silent = [
            context.path
            for context in iter_route_contexts(door.app.routes)
            if declared(context.route) is None and context.path not in OF_NO_RIGHT
        ]
    assert not silent, "give them Depends(require(...)) or, with the reason, Depends(Openly(...))"


def test_a_new_route_without_a_rule_is_noticed_and_lets_nobody_in(door: Door) -> None:
    silent = [
        c.path for c in routes(door) if isinstance(c.route, APIRoute) and not declared(c.route)
    ]
    assert silent == ["/probe/undeclared"]
    everybody = door.signed_in(*ActorRole, forces=("*",), special=tuple(Special))
    assert everybody.get("/probe/undeclared").status_code == 403
    assert door.browser().get("/probe/undeclared").status_code == 403


def test_what_is_open_to_all_only_reads_or_asks_for_a_token(door: Door) -> None:
    for context in routes(door):
        if isinstance(declared(context.route), Openly) and not str(context.path).startswith(API):
            assert isinstance(context.route, Route)
            assert (context.route.methods or set()) <= SAFE_METHODS


def test_what_a_route_does_is_a_post(door: Door) -> None:
    for context in routes(door):
        mark = declared(context.route)
        if isinstance(mark, Required) and isinstance(mark.right, Action):
            assert isinstance(context.route, Route)
            assert context.route.methods == {"POST"}, context.path


@pytest.mark.parametrize("role", ActorRole)
def test_every_role_force_and_route(door: Door, role: ActorRole) -> None:
    """Refused through HTTP, where nothing can happen; let in by the route's own dependency, since what
    lies behind would act or, for a stream, go on."""
    browser = door.signed_in(role, forces=("33",), special=tuple(Special))
    csrf = token_of(door, browser)
    tried = 0
    for context in routes(door):
        right = declared(context.route)
        if not isinstance(right, Required) or not isinstance(context.route, APIRoute):
            continue
        for force in ("33", "44"):
            path = str(context.path).replace("{force}", force).replace("{", "").replace("}", "")
            query = "" if "{force}" in str(context.path) else f"?force={force}"
            expected = role in may(right.right) and force == "33"
            for method in context.route.methods or ():
                tried += 1
                if expected:
                    assert let_in(door, right, browser, method, force, csrf), (path, method)
                    continue
                headers = {"X-CSRF-Token": csrf}
                answer = browser.request(method, f"{path}{query}", headers=headers)
                assert answer.status_code == 403, (path, method, role, force)
                assert answer.json()["reason"] == "forbidden"
    assert tried >= 2 * len(View) + 2 * len(Action)


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_nobody_sees_anything_without_a_session(door: Door, accept: str) -> None:
    browser = door.browser()
    for context in routes(door):
        if not isinstance(declared(context.route), Required):
            continue
        assert isinstance(context.route, Route)
        for method in context.route.methods or ():
            path = str(context.path).replace("{force}", "33").replace("{", "").replace("}", "")
            answer = browser.request(method, f"{path}?a=b", headers={"Accept": accept})
            if method == "GET" and accept == "text/html":
                assert answer.status_code == 303
                assert answer.headers["location"].startswith("/sign-in?next=%2F")
                assert answer.headers["location"].endswith("%3Fa%3Db")
            else:
                assert answer.status_code == 401


def test_several_forces_asked_must_all_be_ones_own(door: Door) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR, forces=("33", "44"))
    assert browser.get("/probe/board?force=33&force=44").status_code == 200
    assert browser.get("/probe/board?force=33&force=55").status_code == 403
    assert browser.get("/probe/board").status_code == 200


def test_whoever_has_every_force_may_ask_for_any(door: Door) -> None:
    browser = door.signed_in(ActorRole.AUDITOR, forces=("*",))
    assert browser.get("/probe/board/55").status_code == 200


@pytest.mark.parametrize(
    ("query", "needs"),
    [
        ("", set()),
        ("?group=violence", set()),
        ("?group=sexual", {Special.SEXUAL}),
        ("?group=child", {Special.CHILD}),
        ("?referral=true", {Special.REFERRALS}),
        ("?referral=true&group=child", {Special.REFERRALS, Special.CHILD}),
    ],
)
def test_protected_reports_need_their_named_rights_whatever_the_role(
    door: Door, query: str, needs: set[Special]
) -> None:
    for special in [(), *((each,) for each in Special), tuple(Special)]:
        browser = door.signed_in(ActorRole.REGISTRAR, special=special)
        answer = browser.get(f"/probe/report/33/r1{query}")
        assert (answer.status_code == 200) == (needs <= set(special)), (query, special)


def test_every_look_and_every_refusal_is_logged(tmp_path: Path) -> None:
    with a_door(tmp_path, probes()) as door:
        reader = door.signed_in(ActorRole.REGISTRAR, special=(Special.SEXUAL,))
        for path, status in {
            "33/r1?group=sexual": 200,
            "33/r2?group=child": 403,
            "44/r3": 403,
            "33/r4?recipient=receiver-7": 200,
        }.items():
            assert reader.get(f"/probe/report/{path}").status_code == status
            door.clock.pass_by(timedelta(seconds=1))
        assert door.signed_in(ActorRole.OPS).get("/probe/report/33/r5").status_code == 403
        looks = logged(door)
    assert [(look.force, look.ref, look.allowed, look.look, look.purpose) for look in looks] == [
        ("33", "r5", False, Look.CONSULTATION, None),
        ("33", "r4", True, Look.DISCLOSURE, Purpose.ASSURANCE),
        ("44", "r3", False, Look.CONSULTATION, None),
        ("33", "r2", False, Look.CONSULTATION, None),
        ("33", "r1", True, Look.CONSULTATION, Purpose.ASSURANCE),
    ]
    assert {(look.actor_id, look.via, look.view) for look in looks} == {
        ("person-1", "page", "report")
    }
    assert looks[0].roles == ("ops",)
    assert looks[1].recipient == "receiver-7"


def test_a_look_that_cannot_be_logged_shows_nothing(tmp_path: Path) -> None:
    with a_door(tmp_path, probes()) as door:
        reader = door.signed_in(ActorRole.AUDITOR)
        with door.gate.ledger.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE consultations RENAME TO elsewhere")
        assert reader.get("/probe/report/33/r1").status_code >= 500


def logged(door: Door) -> list[Consulted]:
    with door.gate.ledger.reading() as connection:
        return read_consulted(connection, forces=None)


def token_of(door: Door, browser: TestClient) -> str:
    """What the pages of this browser's session put into their forms."""
    viewer = asyncio.run(_viewer(door, browser))
    assert viewer is not None
    return viewer.csrf


async def _viewer(door: Door, browser: TestClient) -> Viewer | None:
    return await door.gate.viewer(request_of(door, browser, "GET", "33", ""))


def let_in(
    door: Door, right: Required, browser: TestClient, method: str, force: str, csrf: str
) -> bool:
    try:
        asyncio.run(right(request_of(door, browser, method, force, csrf)))
    except Problem:
        return False
    return True


def request_of(door: Door, browser: TestClient, method: str, force: str, csrf: str) -> Request:
    cookie = f"{door.gate.cookie}={browser.cookies[door.gate.cookie]}"
    return Request(
        {
            "type": "http",
            "app": door.app,
            "method": method,
            "path": "/",
            "query_string": b"",
            "path_params": {"force": force},
            "headers": [(b"cookie", cookie.encode()), (b"x-csrf-token", csrf.encode())],
            "client": ("127.0.0.1", 1),
        }
    )


def test_nothing_is_mounted_that_nobody_named(door: Door) -> None:
    mounts = {route.path for route in door.app.routes if isinstance(route, Mount)}
    assert mounts <= set(OF_NO_RIGHT)
