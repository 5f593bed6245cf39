"""What people do about reports, by program: one route for each action, each a turn like any other.

``If-Match`` carries the ``ETag`` of the report as it was read: whoever comes second is told. The command's
id is the sender's; sent again it is answered as before and not done again.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, get_args

import msgspec
from fastapi import APIRouter, Depends, Header, Request, Response
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from service.alerts.actors import Action
from service.control_room.bodies import read_object
from service.control_room.consulting import consult
from service.control_room.desk import Desk, desk_of
from service.control_room.problems import Problem, not_found
from service.control_room.publishing import needs_of
from service.control_room.reading import answer, answers
from service.control_room.rights import require
from service.control_room.viewers import Viewer
from service.effects import Answer, Asked, Refusal
from service.ledger import published
from service.ledger.given import TYPED_MAX, Act, ActUnusable, NoKey

BODY_MAX = 64 * 1024

COMMAND_ID = r"^[A-Za-z0-9._:-]{8,64}$"

ASKED: dict[Action, type[Struct]] = {
    Action(kind.__struct_config__.tag): kind for kind in get_args(Asked)
}

OF_FORCE = {Action.MUTE: "/mutes/{force}", Action.END_MUTE: "/mutes/{force}/end"}
"""Actions about a force rather than a report, and where they are."""

STATUS = {
    HTTPStatus.PRECONDITION_FAILED: {Refusal.CHANGED_MEANWHILE},
    HTTPStatus.FORBIDDEN: {
        Refusal.NOT_YOUR_FORCE,
        Refusal.NOT_YOUR_ROLE,
        Refusal.OFFICER_IN_CASE,
        Refusal.REGISTRAR_ONLY,
    },
    HTTPStatus.NOT_FOUND: {Refusal.REPORT_UNKNOWN, Refusal.RECORD_UNKNOWN, Refusal.MUTE_UNKNOWN},
    HTTPStatus.CONFLICT: {Refusal.COMMAND_ID_TAKEN, Refusal.NOT_NOW, Refusal.NO_CHANGE},
}
"""By status, why a command was refused; for any other reason: 422."""


class CommandId(Struct, frozen=True):
    """What every command carries beside what it asks for."""

    command_id: Annotated[str, msgspec.Meta(pattern=COMMAND_ID)]
    """Given by whoever asks, once per press of a button."""
    typed: dict[str, Annotated[str, msgspec.Meta(max_length=TYPED_MAX)]] = {}
    """What a person typed, by field: ``comment``, ``rationale``, …; kept encrypted."""


IfMatch = Annotated[
    str | None, Header(description='ETag of the report as read; "*": whatever it is by now')
]


def make_commanding() -> APIRouter:
    """A route for each action."""
    router = APIRouter(tags=["act"])
    for action in Action:
        about_force = OF_FORCE.get(action)
        router.add_api_route(
            about_force or f"/reports/{{force}}/{{ref:path}}/{action}",
            _of_force(action) if about_force else _of_report(action),
            methods=["POST"],
            name=str(action),
            summary=" ".join((ASKED[action].__doc__ or "").split()),
            responses=answers(Answer),
            openapi_extra=_body(ASKED[action]),
        )
    return router


def _of_report(action: Action) -> Callable[..., Any]:
    async def act(
        request: Request,
        viewer: Annotated[Viewer, Depends(require(action))],
        force: str,
        ref: str,
        if_match: IfMatch = None,
    ) -> Response:
        desk, expected = desk_of(request), version_of(if_match)
        group = await desk.read(
            lambda connection: published.groups_of(connection, force, (ref,)).get(ref)
        )
        if group is None:
            raise not_found("report")
        await consult(request, viewer, force, ref, needs_of(group))
        return await _give(request, desk, viewer, action, force, ref, expected)

    return act


def _of_force(action: Action) -> Callable[..., Any]:
    async def act(
        request: Request, viewer: Annotated[Viewer, Depends(require(action))], force: str
    ) -> Response:
        desk = desk_of(request)
        if force not in await desk.read(_forces):
            raise not_found("force")
        return await _give(request, desk, viewer, action, force, "", None)

    return act


def _forces(connection: Connection) -> frozenset[str]:
    return frozenset(published.stand(connection))


async def _give(
    request: Request,
    desk: Desk,
    viewer: Viewer,
    action: Action,
    force: str,
    ref: str,
    expected: int | None,
) -> Response:
    body = await read_object(request, BODY_MAX)
    head, asked = read_asked(action, body)
    act = Act(
        force=force,
        command_id=head.command_id,
        actor=replace(viewer.actor, via="api"),
        asked=asked,
        ref=ref,
        expected=expected,
        typed=head.typed,
    )
    try:
        given = await desk.give(act)
    except NoKey as wrong:
        raise Problem(HTTPStatus.CONFLICT, "no_key", str(wrong)) from None
    except ActUnusable as wrong:
        raise _wrong(str(wrong), wrong.field) from None
    if given.refused is not None:
        raise refused(given)
    return answer(given)


def read_asked(action: Action, body: Mapping[str, Any]) -> tuple[CommandId, Any]:
    """What is asked for, and what goes with it. Raises ``Problem``."""
    kind = ASKED[action]
    known = {*kind.__struct_fields__, *CommandId.__struct_fields__}
    unknown = next((name for name in body if name not in known), None)
    if unknown is not None:
        raise _wrong("there is no such field", "")
    try:
        head = msgspec.convert(body, CommandId)
        asked = msgspec.convert({**body, "type": str(action)}, kind)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        raise _wrong(said, path.strip("`.")) from None
    for name in kind.__struct_fields__:
        held = getattr(asked, name)
        if isinstance(held, datetime) and held.tzinfo is None:
            raise _wrong("write the time with its offset, such as Z or +01:00", name)
    return head, asked


def _wrong(said: str, field: str) -> Problem:
    # What msgspec says names types and limits, never what was sent; paths are the schema's own.
    more = {"field": field} if field else {}
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_field", said, more=more)


def version_of(if_match: str | None) -> int | None:
    """The version that somebody has seen. Raises ``Problem`` where they say none."""
    given = (if_match or "").strip()
    if given == "*":
        return None
    version = given.strip('"').partition(".")[0]
    if version.isascii() and version.isdecimal() and len(version) < 10:
        return int(version)
    said = "send If-Match with the ETag of the report as you read it"
    raise Problem(HTTPStatus.PRECONDITION_REQUIRED, "precondition", said)


def refused(given: Answer) -> Problem:
    """Why a command was not done, as a problem."""
    assert given.refused is not None
    reason = given.refused
    status = next(
        (code for code, reasons in STATUS.items() if reason in reasons),
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )
    held = {"lacks": list(given.lacks), "see": given.see, "version": given.version}
    more = {name: value for name, value in held.items() if value}
    return Problem(status, str(reason), f"refused: {str(reason).replace('_', ' ')}", more=more)


def _body(kind: type[Struct]) -> dict[str, Any]:
    held = msgspec.json.schema(kind, ref_template="#/components/schemas/{name}")["$defs"]
    own = held[kind.__name__]
    common = msgspec.json.schema(CommandId)["$defs"]["CommandId"]
    fields = {k: v for k, v in own["properties"].items() if k != "type"}
    schema = {
        "type": "object",
        "properties": {**common["properties"], **fields},
        "required": [*common["required"], *(k for k in own.get("required", ()) if k != "type")],
        "additionalProperties": False,
    }
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


COMPONENTS: tuple[type[Struct], ...] = (*ASKED.values(), Answer)
"""What the description of these routes refers to."""
