"""What a file covers once it is read to its end."""

from datetime import UTC, datetime

import pytest

from service.ingest.coverage import Seen, cut_time, is_declared, stated
from tests.ingest.reading import feed_of, log, mapped, one, records


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2025, 1, number, hour, tzinfo=UTC)


def test_first_last_and_newest_in_any_order() -> None:
    seen = Seen()
    rows = [(day(3), None), (day(2), day(9)), (None, day(8)), (day(5), None), (day(4), day(9))]
    for event_at, newest in rows:
        seen = seen.at(event_at, newest)
    assert seen == Seen(day(2), day(5), day(9))
    assert seen.at(day(3), None) is seen


@pytest.mark.parametrize(
    ("said", "since", "until", "declared"),
    [
        ("{}", day(2), day(5), False),
        ("{from: 2025-01-03}", day(3), day(5), False),
        ("{until: 2025-01-09}", day(2), day(9), True),
        ("{complete_to: seen}", day(2), day(8), True),
        ("{complete_to: {newest: seen, minus: 36h}}", day(2), day(6, 12), True),
    ],
)
def test_what_is_stated(said: str, since: datetime, until: datetime, declared: bool) -> None:
    feed = feed_of(mapped(log(below=f"coverage: {said}")))
    assert stated(feed, Seen(day(2), day(5), day(8))) == (since, until)
    assert is_declared(feed) is declared


@pytest.mark.parametrize(
    ("cut_by", "expected"), [("recorded", day(9)), ("received", day(2)), ("occurred", None)]
)
def test_a_file_ends_where_the_time_it_was_cut_by_ends(
    cut_by: str, expected: datetime | None
) -> None:
    """Record times run on for weeks after an incident date that cut the file."""
    text = records(
        "reported_at: r, committed_from: o",
        below=f"coverage: {{cut_by: {cut_by}}}",
        top="zone: UTC",
    )
    row = one(text, "id,at,r,o\n1,2025-01-09T00:00,2025-01-02T00:00,")
    assert cut_time(feed_of(mapped(text)), row) == expected


def test_a_log_is_cut_by_receipt_unless_by_occurrence() -> None:
    row = "id,at,o\n1,2025-01-09T00:00,2025-01-02T00:00"
    for cut_by, expected in (("received", day(9)), ("occurred", day(2))):
        text = log("occurred_from: o", below=f"coverage: {{cut_by: {cut_by}}}", top="zone: UTC")
        assert cut_time(feed_of(mapped(text)), one(text, row)) == expected
