"""What goes wrong is told to people on a page, to programs as a document; never with what was sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends
from sqlalchemy.exc import OperationalError

from service.alerts import words
from service.alerts.actors import ActorRole
from service.control_room.problems import busy, unavailable
from service.control_room.rights import View, Viewer, require
from tests.control_room.door import Door, a_door

PAGE, PROGRAM = {"Accept": "text/html,*/*"}, {"Accept": "application/json"}


def failing() -> APIRouter:
    """Routes on which something goes wrong."""
    router = APIRouter(prefix="/fails")

    @router.get("/{how}")
    async def fails(how: str, viewer: Annotated[Viewer, Depends(require(View.BOARD))]) -> None:
        raise {
            "busy": busy("come again"),
            "unavailable": unavailable("not now"),
            "database": OperationalError("SELECT zz-smith", {}, Exception("zz-smith")),
            "bug": ValueError("zz-smith"),
        }[how]

    return router


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(tmp_path_factory.mktemp("door"), failing(), requests_per_minute=100_000) as door:
        yield door


@pytest.mark.parametrize(
    ("how", "status"), [("busy", 429), ("unavailable", 503), ("database", 503), ("bug", 500)]
)
def test_either_reads_it_as_they_can(door: Door, how: str, status: int) -> None:
    browser = door.signed_in(ActorRole.SUPERVISOR)
    page = browser.get(f"/fails/{how}", headers=PAGE)
    document = browser.get(f"/fails/{how}", headers=PROGRAM)
    assert (page.status_code, document.status_code) == (status, status)
    assert page.headers["content-type"].startswith("text/html")
    assert document.headers["content-type"] == "application/problem+json"
    title, advice = words.problem("", status)
    assert f"<h1>{title}</h1>" in page.text
    assert advice in page.text
    for answer in (page, document):
        assert "zz-smith" not in answer.text
        assert ("retry-after" in answer.headers) == (status in (429, 503))
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_is_sent_by_nobody_or_too_late_is_answered_with_a_page(door: Door) -> None:
    nobody = door.browser().post("/sign-out", data={"csrf_token": "none"}, headers=PAGE)
    assert (nobody.status_code, "<h1>Not signed in</h1>" in nobody.text) == (401, True)
    browser = door.signed_in(ActorRole.SUPERVISOR)
    forged = browser.post("/sign-out", data={"csrf_token": "of before"}, headers=PAGE)
    assert (forged.status_code, "<h1>This form is out of date</h1>" in forged.text) == (403, True)
    assert browser.get("/fails/busy", headers=PAGE).status_code == 429


def test_the_api_answers_programs_whatever_they_accept(door: Door) -> None:
    answer = door.signed_in(ActorRole.SUPERVISOR).get("/v1/reports?force=44", headers=PAGE)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"


def test_every_status_that_pages_answer_with_has_its_words(tmp_path: Path) -> None:
    for status in (401, 403, 404, 405, 413, 422, 429, 500, 503):
        title, advice = words.problem("any", status)
        assert title
        assert advice.endswith(".")
    assert words.problem("any", 418) == ("This did not work", "Go back and try again.")
