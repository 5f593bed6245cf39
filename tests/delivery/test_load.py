"""Load as people feel it, on two days of the worst force: nobody is asked for more than they can bear."""

from datetime import timedelta

from benchmarks.load import felt
from service.alerts.escalation import A_SHIFT, AN_HOUR, SHIFT
from service.alerts.notice import NoticeClass
from tests.delivery.told import default_routes


def test_everybody_is_within_budget_though_nobody_acts() -> None:
    routes = default_routes()
    run = felt(2, "2017", 3, routes)
    assert run.overdue == 0
    assert run.of("bureau", NoticeClass.INTERRUPT)
    for receiver in routes.written.receivers:
        assert run.most(receiver, timedelta(hours=1)) <= AN_HOUR
        assert run.digests_a_day(receiver) <= 4  # two for each of two shifts
    assert 0 < run.most("inspector", SHIFT) <= A_SHIFT
    assert run.of("chief", NoticeClass.INTERRUPT) == []
    ids = [notice.notice_id for notice in run.notices]
    assert len(ids) == len(set(ids))
