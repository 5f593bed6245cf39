"""Whatever a form holds, it is answered: done, refused with why, or shown again; never by a failure."""

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.alerts.actors import Action
from service.control_room.acting import FIELD_OF
from service.control_room.gate import CSRF_HEADER
from service.ledger.given import TYPED
from tests.control_room.running import Running
from tests.control_room.story import tell

FORCE = "F1"
FIELDS = sorted(
    {*FIELD_OF.values(), *TYPED, "record", "to", "until", "version", "command_id", "mute", "area"}
    | {"category", "harm", "grade", "subject", "recipient", "purpose", "independent"}
)
TELLING = (
    "",
    "yes",
    "R2",
    "C1",
    "2024-01-31T19:00",
    "9999-12-31T23:59:59+23:59",
    "0001-01-01T00:00",
    "not_notifiable",
    "victim_unfit",
    "supervisor",
    "recording",
    "source:native/incidents",
    "-1",
    "99999999999999999999",
)
VALUES = st.one_of(st.sampled_from(TELLING), st.text(max_size=80))


def test_no_form_makes_it_fail(shared: Running, client: httpx.Client) -> None:
    tell(shared, client, FORCE)
    paths = [
        *(f"/act/{action}/{FORCE}" for action in Action),
        f"/disclose/{FORCE}",
        f"/worklist/{FORCE}/acknowledge",
    ]
    headers = {CSRF_HEADER: client.headers[CSRF_HEADER], "Accept": "text/html"}
    seen: set[int] = set()

    @given(path=st.sampled_from(paths), form=st.dictionaries(st.sampled_from(FIELDS), VALUES))
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    def send(path: str, form: dict[str, str]) -> None:
        answer = client.post(path, data={"ref": "R2", **form}, headers=headers)
        seen.add(answer.status_code)
        assert answer.status_code in (303, 403, 404, 409, 422), (path, form)

    send()
    assert {303, 422} <= seen
    for name in ("mutes", f"reports/{FORCE}/R2", "audit", "worklist", "notifications"):
        assert client.get(f"/{name}?force={FORCE}").status_code == 200, name
