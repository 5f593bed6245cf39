"""Likely pairs by key: from a report to the records it may own, and back.

Profiles are made once for each version and remembered: a decision asks for the same few again and again.
"""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

from service.ingest.source import Source
from service.matching.linkage_blocking import record_keys, report_keys
from service.matching.linkage_model import Model
from service.matching.linkage_profile import Profile, of_record, of_report
from service.rules.facts import RecordFacts, ReportFacts
from service.rules.pack import Pack

KEPT = 32_768
"""Profiles remembered."""


@lru_cache(maxsize=KEPT)
def _of_report(
    pack: Pack, model: Model, source: Source, facts: ReportFacts
) -> tuple[Profile, tuple[str, ...]]:
    profile = of_report(facts, pack, {source.name: source}, model.rarity)
    return profile, report_keys(profile)


@lru_cache(maxsize=KEPT)
def _of_record(pack: Pack, model: Model, facts: RecordFacts) -> tuple[Profile, tuple[str, ...]]:
    profile = of_record(facts, pack, model.rarity)
    return profile, record_keys(profile)


class Near:
    """Reports and records by the keys that bring likely pairs together."""

    def __init__(self, pack: Pack, sources: Mapping[str, Source], model: Model) -> None:
        self.model = model
        self._pack = pack
        self._sources = sources
        self._reports: dict[str, dict[str, ReportFacts]] = defaultdict(dict)
        self._records: dict[str, dict[str, RecordFacts]] = defaultdict(dict)

    def keys_of_report(self, facts: ReportFacts) -> tuple[str, ...]:
        """Keys under which a report is found."""
        return self._report(facts)[1]

    def keys_of_record(self, facts: RecordFacts) -> tuple[str, ...]:
        """Keys under which a record is found."""
        return self._record(facts)[1]

    def add_report(self, facts: ReportFacts) -> None:
        """Let records find a report."""
        for key in self._report(facts)[1]:
            self._reports[key][facts.ref] = facts

    def drop_report(self, facts: ReportFacts) -> None:
        """Let no record find it any more."""
        for key in self._report(facts)[1]:
            self._reports[key].pop(facts.ref, None)

    def add_record(self, facts: RecordFacts) -> None:
        """Let reports find a record."""
        for key in self._record(facts)[1]:
            self._records[key][facts.ref] = facts

    def drop_record(self, facts: RecordFacts) -> None:
        """Let no report find it any more."""
        for key in self._record(facts)[1]:
            self._records[key].pop(facts.ref, None)

    def records_of(self, facts: ReportFacts) -> dict[str, int]:
        """Weight by record, for those that may belong to a report."""
        profile, keys = self._report(facts)
        near = {ref: each for key in keys for ref, each in self._records.get(key, {}).items()}
        weigh, least = self.model.weigh, self.model.thresholds.possible
        weighed = {ref: weigh(profile, self._record(each)[0]) for ref, each in near.items()}
        return {ref: weight for ref, weight in weighed.items() if weight >= least}

    def reports_of(self, facts: RecordFacts) -> list[str]:
        """Reports to which a record may belong."""
        profile, keys = self._record(facts)
        near = {ref: each for key in keys for ref, each in self._reports.get(key, {}).items()}
        weigh, least = self.model.weigh, self.model.thresholds.possible
        return sorted(
            ref for ref, each in near.items() if weigh(self._report(each)[0], profile) >= least
        )

    def _report(self, facts: ReportFacts) -> tuple[Profile, tuple[str, ...]]:
        return _of_report(self._pack, self.model, self._sources[facts.source], facts)

    def _record(self, facts: RecordFacts) -> tuple[Profile, tuple[str, ...]]:
        return _of_record(self._pack, self.model, facts)
