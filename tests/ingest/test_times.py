"""Local times to instants: formats, both clock changes, what is refused."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ingest.times import Clock, TimeRefused, duration, is_zone, parser, problem, reader

SPAN = (datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2040-01-01"))
NEW_YORK = "America/New_York"


@pytest.mark.parametrize(
    ("form", "text", "utc"),
    [
        ("iso", "2025-01-15T09:30", "2025-01-15T14:30"),
        ("iso", "2025-07-15 09:30:15", "2025-07-15T13:30:15"),
        ("iso", "2025-07-15T09:30Z", "2025-07-15T09:30"),
        ("iso", "2025-07-15T09:30:00.250+02:00", "2025-07-15T07:30:00.250"),
        ("%d/%m/%Y %H:%M", "03/02/2025 09:30", "2025-02-03T14:30"),
        ("%d/%m/%Y %H:%M", "3/2/2025 9:30", "2025-02-03T14:30"),
        ("%m/%d/%y %H:%M", "02/03/25 09:30", "2025-02-03T14:30"),
        ("%m/%d/%y %H:%M", "02/03/70 09:30", "1970-02-03T14:30"),
        ("%m/%d/%Y %I:%M %p", "02/03/2025 09:30 PM", "2025-02-04T02:30"),
        ("%d %b %Y %H:%M", "03 Feb 2025 09:30", "2025-02-03T14:30"),
        ("%Y%m%d%H%M%S", "20250203093015", "2025-02-03T14:30:15"),
        ("%Y-%m-%dT%H:%M:%S.%f", "2025-02-03T09:30:15.5", "2025-02-03T14:30:15.500"),
        ("%d/%m/%Y %H:%M %z", "03/02/2025 09:30 +0100", "2025-02-03T08:30"),
        ("unix", "1738575000", "2025-02-03T09:30"),
        ("unix_ms", "1738575000250", "2025-02-03T09:30:00.250"),
    ],
)
def test_formats(form: str, text: str, utc: str) -> None:
    expected = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert parser(Clock(NEW_YORK, (form,)))(text) == expected


def test_formats_are_tried_in_order() -> None:
    parse = parser(Clock("UTC", ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "iso")))
    assert parse("03/02/2025 09:30") == datetime(2025, 2, 3, 9, 30, tzinfo=UTC)
    assert parse("03/22/2025 09:30") == datetime(2025, 3, 22, 9, 30, tzinfo=UTC)
    assert parse("2025-03-22T09:30") == datetime(2025, 3, 22, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "30/02/2025 10:00",
        "29/02/2025 10:00",
        "01/13/2025 10:00",
        "01/01/2025 24:00",
        "01/01/2025 10:60",
        "01/01/2025",
        "01/01/2025 10:00 and more",
        "٠١/01/2025 10:00",
        "1664102000000",
        "2025-W01-1",
        "20250101",
    ],
)
def test_impossible_times_are_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(TimeRefused) as refused:
        parser(Clock("Europe/London", ("%d/%m/%Y %H:%M", "iso")))(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_a_time_that_leaves_the_calendar_when_placed_is_refused(text: str) -> None:
    far = "Asia/Tokyo" if text.startswith("0001") else NEW_YORK
    with pytest.raises(TimeRefused, match="outside the calendar"):
        parser(Clock(far))(text)


@pytest.mark.parametrize(
    ("answer", "utc"), [("first", "2025-10-26T00:30"), ("second", "2025-10-26T01:30")]
)
def test_the_hour_that_happens_twice(answer: str, utc: str) -> None:
    parse = parser(Clock("Europe/London", ambiguous=answer))
    assert parse("2025-10-26T01:30") == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    # Around it nothing is ambiguous.
    assert parse("2025-10-26T00:30") == datetime(2025, 10, 25, 23, 30, tzinfo=UTC)
    assert parse("2025-10-26T02:00") == datetime(2025, 10, 26, 2, 0, tzinfo=UTC)


def test_the_hour_that_does_not_happen() -> None:
    parse = parser(Clock("Europe/London", nonexistent="forward"))
    assert parse("2025-03-30T01:30") == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)
    assert parse("2025-03-30T02:30") == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)
    assert parse("2025-03-30T00:59") == datetime(2025, 3, 30, 0, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [("2025-10-26T01:30", "ambiguous"), ("2025-03-30T01:30", "nonexistent")],
)
def test_both_are_refused_by_name_unless_the_mapping_answers(text: str, says: str) -> None:
    with pytest.raises(TimeRefused, match=says):
        parser(Clock("Europe/London"))(text)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("start_of_day", datetime(2025, 7, 1, 23, 0, tzinfo=UTC)), ("blank", None)],
)
def test_a_date_without_a_clock(answer: str, expected: datetime | None) -> None:
    for form, text in (
        ("iso", "2025-07-02"),
        ("%d/%m/%Y", "02/07/2025"),
        ("%d %b %Y", "2 Jul 2025"),
    ):
        assert parser(Clock("Europe/London", (form,), without_clock=answer))(text) == expected
        with pytest.raises(TimeRefused, match="without a time of day"):
            parser(Clock("Europe/London", (form,)))(text)


@pytest.mark.parametrize("zone", ["Europe/London", NEW_YORK, "Australia/Lord_Howe", "Asia/Kolkata"])
@settings(max_examples=60, deadline=None)
@given(st.datetimes(*SPAN).map(lambda t: t.replace(microsecond=0)))
def test_an_instant_written_locally_comes_back(zone: str, at: datetime) -> None:
    """The quick ways for plain numbers and for days without a change give what the slow ones give."""
    local = at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    form = "%d/%m/%Y %H:%M:%S"
    parse = parser(Clock(zone, (form,), "second" if local.fold else "first", "forward"))
    assert parse(local.strftime(form)) == at.replace(tzinfo=UTC)


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(*SPAN),
    st.sampled_from(["%d/%m/%Y %H:%M", "%m-%d-%y", "%Y%m%d %H%M%S", "%y.%m.%d  %H"]),
    st.booleans(),
)
def test_the_fast_reader_agrees_with_strptime(at: datetime, form: str, spoil: bool) -> None:
    text = at.strftime(form)
    if spoil:
        text = text.replace("1", "7")
    try:
        expected = datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError:
        assert reader(form)(text) is None
    else:
        found = reader(form)(text)
        assert found is not None
        assert found[0] == expected


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("%d/%m/%Y %H:%M", None),
        ("iso", None),
        ("unix_ms", None),
        ("%c", None),
        ("dd/mm/yyyy", "is no format"),
        ("%d/%m %H:%M", "has no year"),
        ("%Q %Y", "is no format"),
        ("%Y %", "is no format"),
        ("%d/%m/%Y %H:%M %Z", "zone"),
    ],
)
def test_formats_are_checked_without_data(form: str, says: str | None) -> None:
    found = problem(form)
    assert found is None if says is None else found is not None and says in found


def test_zones_and_durations() -> None:
    assert is_zone("Europe/London")
    assert not any(is_zone(name) for name in ("Europe/Londn", "", "../etc/passwd", "GMT+25"))
    assert [duration(text) for text in ("90m", "24h", "3d", "2w")] == [
        timedelta(minutes=90),
        timedelta(hours=24),
        timedelta(days=3),
        timedelta(weeks=2),
    ]
    for wrong in ("", "24", "h", "-1h", "1.5h", "24 hours", "²h", "9999999h"):
        with pytest.raises(ValueError, match="no duration"):
            duration(wrong)
