"""The page of sources says which outages are declared, and what that changes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.alerts.actors import ActorRole
from service.control_room.page_routes import PAGES
from service.effects import HeartbeatSeen
from service.ledger.opening import open_ledger
from service.pointers import Rulebook
from service.turn import Batch, turn
from tests.control_room.door import a_door
from tests.timeline import shipped_pack, sources


def test_a_declared_outage_is_shown_while_it_runs(tmp_path: Path) -> None:
    now, file = datetime.now(UTC), tmp_path / "outages.yaml"
    file.write_text("", encoding="utf-8")
    with a_door(tmp_path, *PAGES, outages_file=file) as door:
        ledger = open_ledger(f"sqlite:///{tmp_path / 'door.db'}")
        seen = HeartbeatSeen("33", "log", now, now)
        turn(ledger, Rulebook(shipped_pack("umd"), sources()), Batch(inputs=(seen,)))
        ledger.close()
        browser = door.signed_in(ActorRole.SUPERVISOR)
        page = browser.get("/sources")
        assert page.status_code == 200, page.text
        assert "OUTAGE DECLARED" not in page.text
        since, until = now - timedelta(hours=1), now + timedelta(hours=1)
        line = f"- {{force: '33', source: log, from: {since.isoformat()}, until: {until.isoformat()}}}\n"
        file.write_text(line, encoding="utf-8")
        assert "OUTAGE DECLARED" in browser.get("/sources").text
        file.write_text(
            "- nothing\n", encoding="utf-8"
        )  # cannot be read: said in the log, not here
        page = browser.get("/sources")
        assert page.status_code == 200
        assert "OUTAGE DECLARED" not in page.text
