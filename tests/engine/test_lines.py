"""Facts that a verdict line carries for the statistics: marks, who was told, cancellation codes."""

from datetime import timedelta
from typing import Any

import pytest

from tests.timeline import MONDAY, Timeline


def assault(**fields: Any) -> Timeline:
    given = {"opening_codes": ["assault"], **fields}
    return Timeline("england_and_wales", code_map=None).at("09:00").report("R1", **given)


@pytest.mark.parametrize(
    ("fields", "domestic"),
    [
        ({}, False),
        ({"qualifiers": ["Domestic  Abuse"]}, True),
        ({"qualifiers": ["alcohol"]}, False),
        ({"closing_codes": ["domestic incident"]}, True),
    ],
)
def test_domestic_abuse_is_marked_by_a_qualifier_or_a_code(
    fields: dict[str, Any], domestic: bool
) -> None:
    assert assault(**fields).lines["R1"].domestic is domestic


def test_a_decision_says_whether_anybody_was_told() -> None:
    closure = {
        "reason": "balance_not_met",
        "decided_by": "supervisor",
        "decided_at": MONDAY + timedelta(hours=10),
        "rationale_given": True,
    }
    untold = assault(closure=closure).lines["R1"]
    assert (untold.told, untold.decision) == (False, "refused:balance_not_met:told")
    told_at = MONDAY + timedelta(hours=11)
    assert assault(closure={**closure, "told_at": told_at}).lines["R1"].told


def test_a_cancelled_record_keeps_its_code_whatever_it_lacks() -> None:
    day = assault().at("10:00").record("C1", incident_refs=["R1"], offence_code="008/01")
    assert day.lines["R1"].links[0].cancelled == ""
    day.at("12:00").record(
        "C1",
        version=2,
        incident_refs=["R1"],
        offence_code="008/01",
        status="cancelled",
        cancellation={"code": "C2"},
    )
    (link,) = day.lines["R1"].links
    assert link.cancelled == "C2"
    assert link.lacks
