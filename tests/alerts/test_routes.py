"""The tree of routes: which branch takes an alert, what it has from above, what is refused and where."""

from importlib import resources
from typing import Any

import msgspec
import pytest

from schemas.words import AlertType, Grade
from service.alerts.routes import Routed, Routes
from service.alerts.routing_file import faults_of, parse_routes

DEFAULT = (resources.files("service.alerts") / "default_routes.yaml").read_text(encoding="utf-8")

TREE = """\
name: small
title: Two of everything
desk: desk
shifts:
  clock: {starts: ["07:00", "19:00"], hours: 12}
receivers:
  desk: {role: Desk, channel: email, address: "desk-{force}@force.example", shifts: clock}
  north: {role: North, channel: webhook, address: "https://north.force.example/in", shifts: clock}
  south: {role: South, channel: chat, shifts: clock}
  chief: {role: Chief, channel: email, address: chief@force.example, shifts: clock, rank: chief}
escalations:
  plain:
    - {step: missed, when: missed, kind: digest, tell: [bureau]}
  loud:
    - {step: before, when: before_deadline, hours: 4, kind: interrupt, tell: [bureau]}
    - {step: missed, when: missed, kind: interrupt, tell: [bureau, chief]}
route:
  name: root
  escalation: plain
  parts: {bureau: desk, chief: chief}
  routes:
    - name: counted
      match: {category: [burglary]}
      continue: true
      parts: {bureau: chief}
    - name: north
      match: {area: [N1, N2]}
      parts: {bureau: north}
      routes:
        - {name: grave, match: {harm: true, grade: [clear]}, escalation: loud}
        - {name: possible, match: {grade: [possible]}, parts: {bureau: south}}
    - name: missed only
      match: {alert: [missed], report: [referral], force: ["33"]}
      parts: {bureau: south}
"""


def tree(text: str = TREE) -> Routes:
    return parse_routes(text, "routes.yaml")


def routed(**given: Any) -> Routed:
    return Routed(**{"force": "33", "alert": AlertType.MISSED, "grade": Grade.CLEAR, **given})


@pytest.mark.parametrize(
    ("given", "paths", "told"),
    [
        ({}, ["root"], {"desk"}),
        ({"area": "N1"}, ["root > north"], {"north"}),
        ({"area": "N3"}, ["root"], {"desk"}),
        ({"area": "N2", "harm": True}, ["root > north > grave"], {"north", "chief"}),
        # The first that fits takes it: it is not asked whether another would.
        (
            {"area": "N2", "harm": True, "grade": Grade.POSSIBLE},
            ["root > north > possible"],
            {"south"},
        ),
        # Unless it says continue.
        (
            {"area": "N1", "category": "burglary"},
            ["root > counted", "root > north"],
            {"chief", "north"},
        ),
        ({"category": "burglary"}, ["root > counted"], {"chief"}),
        ({"report": "referral"}, ["root > missed only"], {"south"}),
        ({"report": "referral", "force": "34"}, ["root"], {"desk"}),
        ({"report": "referral", "alert": AlertType.DUE_SOON}, ["root"], {"desk"}),
    ],
)
def test_the_way_down_the_tree(given: dict[str, Any], paths: list[str], told: set[str]) -> None:
    frozen = tree().freeze(routed(**given))
    assert list(frozen.paths) == paths
    assert {name for step in frozen.steps for name in step.tell} == told
    assert "desk" in frozen.receivers


def test_what_is_frozen_is_whole_and_the_same_for_the_same_way() -> None:
    one, two = tree().freeze(routed(area="N1")), tree().freeze(routed(area="N2"))
    assert one == two
    assert one.digest == two.digest
    again = msgspec.json.decode(msgspec.json.encode(one), type=type(one))
    assert again == one
    assert tree().freeze(routed()).receivers["desk"].address == "desk-33@force.example"


FAULTS = [
    ("name: small", "name: small\nlinks: x", 2, "did you mean 'link'"),
    ("escalation: plain", "escalation: plane", 19, "did you mean 'plain'"),
    ("parts: {bureau: north}", "parts: {bureau: nroth}", 28, "did you mean 'north'"),
    ("shifts: clock, rank: chief", "shifts: clokc, rank: chief", 10, "did you mean 'clock'"),
    ("rank: chief", "rank: cheif", 10, "did you mean 'chief'"),
    ("kind: digest", "kind: interupt", 13, "did you mean 'interrupt'"),
    ("hours: 4, kind", "hours: 6, kind", 15, "only 4 hours before the deadline"),
    ("hours: 4, kind: interrupt", "kind: digest", 15, "needs hours"),
    ("tell: [bureau]}\n  loud", "tell: []}\n  loud", 13, "nobody is told"),
    ("tell: [bureau, chief]", "tell: [bureau, cheif]", 30, "nobody plays that part"),
    ("step: before", "step: missed", 16, "is there twice"),
    ('["07:00", "19:00"], hours: 12', '["07:00", "19:00"], hours: 11', 3, "not there round"),
    ('"19:00"', '"25:00"', 5, "is no time of day"),
    ("hours: 12}", "hours: 12, days: [monday]}", 5, "is no day"),
    ("hours: 12}", "hours: 12, zone: Europe/Leicester}", 5, "is no time zone"),
    ("desk: desk\nshifts", "desk: dsek\nshifts", 3, "did you mean 'desk'"),
    ("desk: desk\nshifts", "desk: chief\nshifts", 3, "may be interrupted"),
    ('"https://north.force.example/in"', "north.force.example", 8, "no address for it"),
    ("channel: chat,", "channel: chat, address: secret,", 9, "is a secret"),
    ("match: {category: [burglary]}\n      continue: true\n      ", "", 24, "is never reached"),
    ("  escalation: plain\n", "", 17, "the root has no escalation"),
    (
        "  name: root\n",
        "  name: root\n  match: {harm: true}\n",
        19,
        "the root must take everything",
    ),
    ("route:\n  name: root", "rout:\n  name: root", 17, "did you mean 'route'"),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), FAULTS, ids=[f[3] for f in FAULTS])
def test_faults_say_where_and_what_to_do(old: str, new: str, line: int, says: str) -> None:
    assert TREE.count(old) >= 1
    found = [str(fault) for fault in faults_of(TREE.replace(old, new, 1), "routes.yaml")]
    assert any(says in each for each in found), found
    assert any(each.startswith(f"routes.yaml:{line}: ") for each in found if says in each), found


def test_what_is_shipped_is_sound() -> None:
    assert list(faults_of(DEFAULT, "default_routes.yaml")) == []
    assert list(faults_of(TREE, "routes.yaml")) == []
