"""When to try again, without a clock."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from service.delivery.breaker import (
    AFTER_MAX,
    BACK_OFF,
    BACK_OFF_MAX,
    OPENS_AFTER,
    PAUSE,
    PAUSE_MAX,
    Breaker,
    Phase,
    back_off,
)

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def failed(times: int, breaker: Breaker | None = None, now: datetime = NOON) -> Breaker:
    breaker = breaker or Breaker()
    for _ in range(times):
        breaker = breaker.after_failure(now)
    return breaker


def test_it_opens_after_failures_in_a_row_and_an_answer_closes_it() -> None:
    almost = failed(OPENS_AFTER - 1)
    assert almost.phase(NOON) is Phase.CLOSED
    assert failed(1, almost.after_answer()).phase(NOON) is Phase.CLOSED
    opened = failed(1, almost)
    assert opened.phase(NOON) is Phase.OPEN
    assert opened.phase(NOON + PAUSE) is Phase.HALF_OPEN
    probing = opened.probed()
    assert probing.phase(NOON + PAUSE) is Phase.PROBING
    assert probing.after_answer() == Breaker()


def test_it_stays_open_for_longer_after_each_probe_that_failed() -> None:
    breaker, now, pauses = failed(OPENS_AFTER), NOON, []
    for _ in range(10):
        assert breaker.open_until is not None
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        assert breaker.phase(now) is Phase.HALF_OPEN
        breaker = breaker.probed().after_failure(now)
        assert breaker.phase(now) is Phase.OPEN
    assert pauses[:3] == [PAUSE, 2 * PAUSE, 4 * PAUSE]
    assert pauses[-1] == PAUSE_MAX


def test_what_was_under_way_when_it_opened_does_not_prolong_it() -> None:
    opened = failed(OPENS_AFTER)
    late = failed(20, opened, NOON + timedelta(seconds=5))
    assert late.open_until == opened.open_until
    assert late.pause == opened.pause


@given(some.integers(1, 1000), some.floats(0, 1, exclude_max=True))
def test_a_message_waits_longer_each_time_and_never_without_end(
    attempts: int, jitter: float
) -> None:
    wait = back_off(attempts, jitter)
    assert BACK_OFF / 2 <= wait <= BACK_OFF_MAX
    assert back_off(attempts + 1, jitter) >= wait


def test_what_the_receiver_asks_for_is_kept_within_reason() -> None:
    assert back_off(1, 0, timedelta(minutes=7)) == timedelta(minutes=7)
    assert back_off(1, 0, timedelta(0)) == BACK_OFF / 2
    assert back_off(1, 0, timedelta(days=30)) == AFTER_MAX
