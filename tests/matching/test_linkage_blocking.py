"""What is looked at, what the bound keeps, and who takes which record."""

from msgspec.structs import replace

from service.matching.linkage_blocking import (
    Candidate,
    assign,
    candidates,
    index,
    record_keys,
    report_keys,
)
from service.matching.linkage_model import Model
from service.matching.linkage_profile import Profile
from service.rules.pack import Pack
from tests.matching.generated import generate, profiles

NOW = 1_700_000_000
REPORT = Profile(ref="L1", told=NOW, made=NOW, area="E1", victims=frozenset({"k1:v"}))
RECORD = Profile(ref="C1", told=NOW, area="E1")


def share_a_key(report: Profile, record: Profile) -> bool:
    return not {*report_keys(report)}.isdisjoint(record_keys(record))


def test_a_record_a_day_before_to_three_days_after_is_looked_at() -> None:
    for hours in (-24, -1, 0, 5, 24, 48, 72):
        at = NOW + hours * 3600
        assert share_a_key(REPORT, replace(RECORD, told=at))
        assert share_a_key(REPORT, replace(RECORD, told=None, made=at))
    assert not share_a_key(REPORT, replace(RECORD, told=NOW + 9 * 86_400))


def test_a_pair_with_nothing_in_common_is_not_looked_at() -> None:
    assert not share_a_key(REPORT, replace(RECORD, area="E2"))
    assert share_a_key(REPORT, replace(RECORD, area="E2", victims=frozenset({"k1:v"})))
    assert not share_a_key(replace(REPORT, area=None), replace(RECORD, area=None))
    assert record_keys(Profile(ref="blank")) == report_keys(Profile(ref="blank")) == ()


def test_a_victim_is_not_a_suspect() -> None:
    accused = replace(RECORD, area=None, suspects=frozenset({"k1:v"}))
    assert not share_a_key(REPORT, accused)


def test_equal_weights_are_ordered_by_reference(model: Model) -> None:
    records = [replace(RECORD, ref=f"C{n}") for n in (3, 1, 2)]
    found = candidates(model, REPORT, index(records), least=-(10**9), bound=2)
    assert [each.record for each in found] == ["C1", "C2"]
    assert found[0].weight == model.weigh(REPORT, RECORD)


def test_blocking_and_the_bound_lose_little(model: Model, pack: Pack) -> None:
    other = generate(pack, reports=1200, days=3, seed=9)
    reports, records = profiles(pack, other, model.rarity)
    indexed = index(records)
    true = [each for each in reports if each.ref in other.links]
    found = [
        [each.record for each in candidates(model, report, indexed, least=-(10**9))]
        for report in true
    ]
    kept = sum(other.links[r.ref] in refs for r, refs in zip(true, found, strict=True))
    assert kept / len(true) > 0.98


def test_whoever_is_due_first_takes_first_and_nothing_is_taken_twice() -> None:
    wishes = {
        "A": [Candidate(-9, "C1"), Candidate(-5, "C2")],
        "B": [Candidate(-20, "C1")],
        "C": [Candidate(-7, "C1"), Candidate(-6, "C2"), Candidate(-1, "C3")],
    }
    assert assign([(2, "B"), (1, "A"), (1, "C")], wishes) == {"A": "C1", "C": "C2"}
    assert assign([(1, "B"), (2, "A"), (1, "C")], wishes) == {"B": "C1", "C": "C2"}
