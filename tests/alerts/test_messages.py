"""What messages say, and what they never say."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from schemas.words import AlertType
from service.alerts.messages import (
    SHOWN,
    Group,
    Matter,
    about_report,
    about_source,
    digest,
    time_left,
)
from service.alerts.words import ALERTS, SIGNS
from service.hosts.files import read_signatures

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
ZONE = "Europe/London"

PLAIN = Matter(
    ref="0412",
    type=AlertType.DUE_SOON,
    category="harassment_stalking",
    area="B12",
    indicators=("opening:harassment", "term:conduct.follows"),
    reference_only=False,
    due_at=NOW + timedelta(hours=3, minutes=20),
    link="https://recount.force.example/reports/33/0412",
)


def test_a_message_says_what_where_why_how_long_what_to_do_and_where_to_look() -> None:
    body = about_report(PLAIN, NOW, ZONE)
    assert body.title == "Report 0412, Harassment and stalking"
    assert body.text.splitlines() == [
        "Due soon, no crime record found yet",
        "",
        "Report: 0412",
        "Crime expected: Harassment and stalking",
        "Area: B12",
        "Shown by: opening code harassment, words conduct.follows",
        "Due: Wed 01 Jul 2026 16:20 BST, due in 3 h 20 min",
        "What would settle it: record it, link its crime, or decide not to record (who, why, victim told)",
        "Link: https://recount.force.example/reports/33/0412",
    ]
    assert '<a href="https://recount.force.example/reports/33/0412">' in body.html
    assert body.data["category"] == "harassment_stalking"


def test_a_message_says_which_way_of_going_unrecorded_it_looks_like() -> None:
    matter = replace(PLAIN, signs=("conduct_misread", "closed_without_reason"))
    body = about_report(matter, NOW, ZONE)
    looks = "Looks like: harassment, stalking or messages not seen as a crime; "
    assert f"{looks}closed with no crime and no reason" in body.text.splitlines()
    assert body.data["signs"] == ["conduct_misread", "closed_without_reason"]
    hidden = about_report(replace(matter, reference_only=True), NOW, ZONE)
    assert "Looks like" not in hidden.text
    assert "signs" not in hidden.data


def test_every_way_of_going_unrecorded_has_its_words() -> None:
    assert SIGNS.keys() == {each.id for each in read_signatures().signatures}


def test_of_sexual_offences_and_children_only_reference_time_and_link() -> None:
    body = about_report(replace(PLAIN, reference_only=True), NOW, ZONE)
    assert body.text.splitlines() == [
        "A report needs you",
        "",
        "Report: 0412",
        "Due: Wed 01 Jul 2026 16:20 BST, due in 3 h 20 min",
        "Link: https://recount.force.example/reports/33/0412",
    ]
    assert set(body.data) == {"title", "ref", "due_at", "link"}
    grave = replace(PLAIN, reference_only=True)
    whole = digest("t", [Group(title="New", counts={"rape": 1}, nearest=(grave,))], NOW, ZONE)
    assert "0412 | due in 3 h 20 min | https://" in whole.text


def test_what_comes_from_outside_is_escaped_and_made_visible() -> None:
    nasty = replace(PLAIN, ref="<b>1\u202e", area="<script>", indicators=("opening:<i>\n",))
    body = about_report(nasty, NOW, ZONE)
    assert "<script>" not in body.html
    assert "<b>" not in body.html
    assert "\u202e" not in body.text + body.title
    assert "opening code <i><U+000A>" in body.text


def test_the_title_of_a_thread_stays_whatever_becomes_of_the_report() -> None:
    titles = {about_report(replace(PLAIN, type=each), NOW, ZONE).title for each in AlertType}
    assert len(titles) == 1


def test_a_digest_counts_all_and_names_the_nearest() -> None:
    group = Group(
        title="New on your worklist",
        counts={"theft": 30, "harassment_stalking": 5},
        nearest=(PLAIN,) * SHOWN,
    )
    body = digest(
        "Crime bureau: worklist", [group, Group(title="Still open", counts={})], NOW, ZONE
    )
    assert "New on your worklist: 35" in body.text
    assert "Theft 30, Harassment and stalking 5" in body.text
    assert "and 15 more on the worklist" in body.text
    assert "Still open" not in body.text
    assert body.text.count("0412") == 2 * SHOWN  # its reference, and its link


def test_a_feed_that_stopped_says_what_to_do() -> None:
    body = about_source("crimes", AlertType.SOURCE_SILENT, NOW, ZONE)
    assert "Feed stopped" in body.text
    assert "To do: find out why nothing comes" in body.text


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (200, "due in 3 h 20 min"),
        (60, "due in 1 h"),
        (5, "due in 5 min"),
        (0, "due now"),
        (-45, "past due by 45 min"),
        (-60 * 26 - 5, "past due by 1 d 2 h"),
    ],
)
def test_time_left(minutes: int, words: str) -> None:
    assert time_left(NOW + timedelta(minutes=minutes), NOW) == words


def test_everything_that_can_be_said_has_words() -> None:
    assert set(ALERTS) == set(AlertType)
