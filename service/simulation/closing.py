"""How a log is closed: with a crime, with a decision that holds, or in one of the ways that lose it."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from service.simulation.draws import one_of
from service.simulation.happenings import Happening
from service.simulation.narratives import Narrator
from service.simulation.parameters import Parameters
from service.simulation.recording import Ending, Fate, Way
from service.simulation.records import record_ref
from service.simulation.story import Change, entry

_LOST: dict[str, tuple[str, ...]] = {
    "closed_without_reason": (
        "concern for safety", "advice given", "no further action", "attended", "resolved",
    ),
    "closed_as_crime": ("crime",),
    "one_of_several": ("crime",),
    "domestic_incident": ("domestic incident",),
    "conduct_misunderstood": ("civil disputes", "advice given", "messages"),
    "antisocial_behaviour": ("asb personal", "asb nuisance"),
    "awaiting": ("awaiting appointment",),
    "professional_as_intelligence": ("information only",),
    "overridden": ("concern for safety", "no further action", "domestic incident"),
    "never_typed": ("no further action", "concern for safety", "advice given"),
    "n100_without_reason": ("information only",),
    "online_not_triaged": ("messages", "information only"),
    "audit_too_kind": ("no further action",),
    "duplicate_of_nothing": ("duplicate",),
    "other_force_no_ref": ("other force dealing",),
    "victim_declined": ("no further action",),
    "information_only": ("information only", "referred"),
}  # fmt: skip
"""Closing codes by form of a miss; any other form closes as the crime it is."""

_TEXT = {
    Way.NOT_RECORDED: "close.closed_without_reason",
    Way.REFERRAL: "close.referral",
    Way.DISCLOSURE: "close.none",
    Way.SEVERAL: "close.crime",
    Way.CANCELLED: "close.crime",
    Way.DOMESTIC: "close.domestic_incident",
    Way.CONDUCT: "close.conduct_misunderstood",
    Way.ASB: "close.antisocial_behaviour",
    Way.AWAITING: "close.awaiting",
    Way.PROFESSIONAL: "close.professional_as_intelligence",
    Way.RAPE: "close.rape_report_misused",
    Way.ONLINE: "close.online_not_triaged",
    Way.UNLINKED: "close.systems_unlinked",
    Way.AUDIT: "close.audit_too_kind",
    Way.NOBODY: "close.nobody_holds_it",
    Way.DECLINED: "close.victim_declined",
}
_DECIDED = {
    "contrary_evidence": "credible_contrary_evidence",
    "recorded_elsewhere": "recorded_elsewhere",
    "third_party": "third_party_unconfirmed",
    "schools_protocol": "schools_protocol",
    "disorder_over": "disorder_over",
    "resolved_disturbance": "resolved_disturbance",
    "n100": "reported_rape_n100",
    "crime_related_incident": "no_identifiable_victim",
}
"""Reason of the closed list by form of a proper decision."""


def closing(
    parameters: Parameters,
    narrator: Narrator,
    happening: Happening,
    fates: tuple[Fate, ...],
    closed: datetime,
    rng: Random,
    words: Random,
) -> list[Change]:
    """What closes it; nothing where it is left open."""
    which, as_crime = rng.random(), rng.random()
    if not happening.crimes:
        return [_matter(parameters, narrator, happening, closed, which, words)]
    main = next((f for f in fates if f.ending in (Ending.RECORDED, Ending.LATE)), fates[0])
    if main.how == "left_open":
        text = narrator.entry("close.awaiting", words)
        return [Change(closed, {}, entry(closed, "officer", "REMARKS", text))]
    kind = parameters.kinds[happening.kind]
    codes = _LOST.get(main.how, ("crime",) if as_crime < parameters.log.closed_as_crime else ())
    codes = codes or kind.opening[:1]
    fields: dict[str, Any] = {
        "closed_at": closed,
        "closing_codes": (codes[int(which * len(codes))],),
    }
    symbol = "close.crime"
    if main.ending is Ending.MISSED and main.way is not None:
        symbol = _TEXT[main.way]
        fields |= _lost(happening, main, closed)
    elif main.ending is Ending.ACCOUNTED:
        symbol = "close.accounted"
        if main.how in _DECIDED:
            fields |= _decided(happening, main.how, closed)
            fields["closing_codes"] = ("no further action",)
    changes = [Change(closed, fields, _last(narrator, closed, symbol, words))]
    if main.way is Way.AWAITING or main.ending is Ending.LATE:
        early = closed - timedelta(seconds=120)
        text = narrator.entry("close.awaiting" if main.way is Way.AWAITING else "busy", words)
        changes.insert(0, Change(early, {}, entry(early, "officer", "REMARKS", text)))
    return changes


def _matter(
    parameters: Parameters,
    narrator: Narrator,
    happening: Happening,
    closed: datetime,
    which: float,
    words: Random,
) -> Change:
    codes: tuple[str, ...] = ("information only", "referred")
    if happening.route != "referral":
        codes = parameters.matters[happening.kind].closing
    fields = {"closed_at": closed, "closing_codes": (codes[int(which * len(codes))],)}
    return Change(closed, fields, _last(narrator, closed, "close.none", words))


def _last(narrator: Narrator, at: datetime, symbol: str, words: Random) -> dict[str, Any]:
    return entry(at, one_of(words, _CLOSERS), "DISPOSE", narrator.entry(symbol, words))


_CLOSERS = ("call_handler", "supervisor", "officer")


def _lost(happening: Happening, fate: Fate, at: datetime) -> dict[str, Any]:
    """What a wrong closure says and lacks."""
    sound = {"decided_by": "decision_maker", "decided_at": at, "rationale_given": True}
    match fate.how:
        case "victim_declined":
            return {"closure": {"reason": "victim_declined", "decided_by": "officer"}}
        case "audit_too_kind":
            return {"closure": {**sound, "reason": "balance_not_met", "told_at": at}}
        case "duplicate_of_nothing":
            gone = f"LEI-{happening.day:%Y%m%d}-{happening.number + 90_000:05}"
            return {"linked_logs": ({"ref": gone, "relation": "duplicate_of"},)}
        case "other_force_no_ref":
            return {"closure": {**sound, "reason": "recorded_elsewhere"}}
        case "systems_unlinked":
            return {"crime_refs": (record_ref(happening, 9),)}
        case "online_not_triaged":
            return {"closure": {"reason": "balance_not_met", "decided_by": "call_handler"}}
        case _:
            return {}


def _decided(happening: Happening, how: str, at: datetime) -> dict[str, Any]:
    """A decision with everything that its reason demands."""
    closure: dict[str, Any] = {
        "reason": _DECIDED[how],
        "decided_by": "decision_maker",
        "decided_at": at,
        "rationale_given": True,
        "told_at": at,
    }
    fields: dict[str, Any] = {"closure": closure}
    match how:
        case "contrary_evidence":
            closure |= {"evidence_what": True, "evidence_from": True, "evidence_at": at}
        case "recorded_elsewhere":
            closure |= {"other_body": "Derbyshire", "other_ref": f"DE{happening.number:06}"}
        case "resolved_disturbance":
            closure["signed_off_by"] = "supervisor"
        case "n100":
            closure["other_ref"] = record_ref(happening, 0)
        case "disorder_over":
            fields["victim_kind"] = "none"
        case _:
            pass
    return fields
