"""Signing in at an identity provider: a real one from leaving to signing out, and one that lies."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import structlog
from fastapi.testclient import TestClient
from httpx2 import Response
from joserfc import jwt
from joserfc.jwk import OctKey

from service.alerts.actors import ActorRole
from service.control_room.gate import csrf_of
from service.control_room.grants import SignInRefused, granted
from service.control_room.oidc import KEYS_AGAIN_AFTER, METADATA_LASTS
from service.control_room.sign_in import safe_path
from service.control_room.viewers import Special
from service.settings import read_settings
from tests.control_room.door import HERE, Door, a_door
from tests.control_room.providers import CLIENT, Liar, a_key, a_liar, a_provider
from tests.control_room.test_rights import probes

BOARD = "/probe/board/33"
GOOD = {"sub": "person-7", "roles": ["supervisor", "staff"], "forces": ["33"], "rights": ["child"]}

Change = Callable[[Liar, dict[str, Any]], str | None]


def at(issuer: str) -> dict[str, object]:
    return {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "public_url": HERE}


# -- a real provider ------------------------------------------------------------------------------


def test_a_person_signs_in_at_a_real_provider_works_and_signs_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of-this-client\n", encoding="utf-8")
    given = {"oidc_client_secret_file": secret}
    with a_provider() as issuer, a_door(tmp_path, probes(), **at(issuer), **given) as door:
        # Its tokens are of now: so is this door's time.
        door.clock.now = _provider_time(issuer)
        httpx2.put(f"{issuer}/users/person-7", json=GOOD).raise_for_status()
        browser = door.browser()
        asked = browser.get(f"{BOARD}?tab=2", headers={"Accept": "text/html"})
        left = browser.get(asked.headers["location"])
        there = left.headers["location"]
        assert there.startswith(f"{issuer}/oauth2/authorize?")
        back = httpx2.post(there, data={"sub": "person-7"}).headers["location"]
        assert back.startswith(f"{HERE}/sign-in/back?")
        come = browser.get(back)
        assert come.status_code == 303
        assert come.headers["location"] == f"{BOARD}?tab=2"
        assert browser.get(BOARD).json() == "person-7"
        assert browser.get("/probe/board/44").status_code == 403
        assert browser.get("/probe/audit").status_code == 403
        out = browser.post("/sign-out", headers={"X-CSRF-Token": _csrf(door, browser)})
        assert f'content="0; url={issuer}/oauth2/end_session?client_id={CLIENT}&amp;' in out.text
        assert browser.get(BOARD).status_code == 401


def test_whoever_the_provider_turns_away_is_not_signed_in(tmp_path: Path) -> None:
    with a_provider() as issuer, a_door(tmp_path, probes(), **at(issuer)) as door:
        door.clock.now = _provider_time(issuer)
        browser = door.browser()
        there = browser.get("/sign-in").headers["location"]
        denied = httpx2.post(there, data={"action": "deny"}).headers["location"]
        state = parse_qs(urlsplit(there).query)["state"][0]
        answer = browser.get(f"/sign-in/back?{urlsplit(denied).query}&state={state}")
        assert answer.status_code == 403
        assert browser.get(BOARD).status_code == 401


def _provider_time(issuer: str) -> datetime:
    return parsedate_to_datetime(httpx2.get(issuer).headers["date"])


# -- one that lies ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def liar_of_module() -> Iterator[Liar]:
    with a_liar() as liar:
        yield liar


@pytest.fixture
def liar(liar_of_module: Liar) -> Liar:
    liar_of_module.__init__(int(liar_of_module.issuer.rpartition(":")[2]))  # type: ignore[misc]
    return liar_of_module


@pytest.fixture
def door(tmp_path: Path, liar: Liar) -> Iterator[Door]:
    with a_door(tmp_path, probes(), sign_ins_per_minute=1000, **at(liar.issuer)) as door:
        yield door


def leave(liar: Liar, browser: TestClient, wanted: str = "/") -> dict[str, str]:
    """Leave for the provider; what it was asked."""
    left = browser.get("/sign-in", params={"next": wanted})
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    liar.challenge = asked["code_challenge"][0]
    return {name: values[0] for name, values in asked.items()}


def claims_for(door: Door, liar: Liar, asked: dict[str, str]) -> dict[str, Any]:
    now = int(door.clock.now.timestamp())
    return {
        **GOOD,
        "iss": liar.issuer,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 300,
        "nonce": asked["nonce"],
    }


def come_back(
    door: Door, liar: Liar, browser: TestClient, change: Change | None = None
) -> Response:
    asked = leave(liar, browser)
    claims = claims_for(door, liar, asked)
    liar.id_token = liar.sign(claims) if change is None else change(liar, claims)
    return browser.get("/sign-in/back", params={"state": asked["state"], "code": "c"})


def test_a_good_token_lets_one_in(door: Door, liar: Liar) -> None:
    browser = door.browser()
    assert come_back(door, liar, browser).status_code == 303
    assert browser.get(BOARD).json() == "person-7"


def test_signing_in_and_being_turned_away_are_logged(door: Door, liar: Liar) -> None:
    with structlog.testing.capture_logs() as lines:
        browser = door.browser()
        come_back(door, liar, browser)
        browser.post("/sign-out", headers={"X-CSRF-Token": _csrf(door, browser)})
        come_back(door, liar, door.browser(), BAD["expired"])
    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("signed_in", None),
        ("signed_out", None),
        ("sign_in_refused", "token_expired_token"),
    ]
    assert not any("person-7" in repr(line) for line in lines)


def test_the_provider_is_asked_as_the_flow_demands(door: Door, liar: Liar) -> None:
    asked = leave(liar, door.browser())
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT
    assert asked["redirect_uri"] == f"{HERE}/sign-in/back"
    assert asked["scope"] == "openid"
    assert asked["code_challenge_method"] == "S256"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43


def said(**changed: Any) -> Change:
    def change(liar: Liar, claims: dict[str, Any]) -> str:
        merged = {**claims, **changed}
        return liar.sign({name: value for name, value in merged.items() if value is not None})

    return change


def moved(name: str, seconds: int) -> Change:
    return lambda liar, claims: liar.sign({**claims, name: claims[name] + seconds})


def unsigned(_liar: Liar, claims: dict[str, Any]) -> str:
    signed = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("k" * 32))
    return f"eyJhbGciOiJub25lIn0.{signed.split('.')[1]}."


def by_another_key(_liar: Liar, claims: dict[str, Any]) -> str:
    forger = a_key("first", "forger")
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, forger)


def by_the_public_key_as_a_secret(liar: Liar, claims: dict[str, Any]) -> str:
    def written(part: dict[str, Any]) -> str:
        return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()

    signed = f"{written({'alg': 'HS256', 'kid': 'first'})}.{written(claims)}"
    secret = liar.key.as_pem(private=False)  # which the library itself would refuse to sign with
    signature = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def by_the_client_secret(_liar: Liar, claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("c" * 32))


def changed_after_signing(liar: Liar, claims: dict[str, Any]) -> str:
    head, _, signature = liar.sign(claims).split(".")
    other = liar.sign({**claims, "roles": ["admin"]}).split(".")[1]
    return f"{head}.{other}.{signature}"


def by_a_key_it_brings_itself(_liar: Liar, claims: dict[str, Any]) -> str:
    forger = a_key("first", "forger")
    header = {"alg": "RS256", "jwk": forger.as_dict(private=False)}
    return jwt.encode(header, claims, forger)


BAD: dict[str, Change] = {
    "expired": moved("exp", -361),
    "made in the future": moved("iat", 3600),
    "not yet": lambda liar, claims: liar.sign({**claims, "nbf": claims["iat"] + 3600}),
    "of another issuer": said(iss="https://elsewhere.example"),
    "for another audience": said(aud="another-client"),
    "for many, meant for another": said(aud=["another", CLIENT], azp="another"),
    "for no audience": said(aud=None),
    "without expiry": said(exp=None),
    "without issuer": said(iss=None),
    "without subject": said(sub=None),
    "of another nonce": said(nonce="another"),
    "without nonce": said(nonce=None),
    "of another access token": said(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "with a list for expiry": said(exp=[1]),
    "with a word for expiry": said(exp="soon"),
    "with a number for an audience": said(aud=7),
    "with a list for a nonce": said(nonce=["n"]),
    "with a map for an id": said(sub={"a": "b"}),
    "unsigned": unsigned,
    "forged by another key": by_another_key,
    "forged with the public key": by_the_public_key_as_a_secret,
    "signed with a shared secret": by_the_client_secret,
    "changed after signing": changed_after_signing,
    "with a key of its own": by_a_key_it_brings_itself,
    "no token at all": lambda _liar, _claims: None,
    "nothing readable": lambda _liar, _claims: "a.b.c",
    "without roles": said(roles=[]),
    "of roles unknown here": said(roles=["emperor"]),
    "without forces": said(forces=None),
    "with a name for an id": said(sub="First Last"),
    "with an address for an id": said(sub="first.last@force.example"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_lets_nobody_in(door: Door, liar: Liar, name: str) -> None:
    browser = door.browser()
    answer = come_back(door, liar, browser, BAD[name])
    assert answer.status_code == 403, answer.text
    assert "Not signed in" in answer.text
    assert browser.get(BOARD).status_code == 401


def test_an_answer_counts_once(door: Door, liar: Liar) -> None:
    browser = door.browser()
    asked = leave(liar, browser)
    liar.id_token = liar.sign(claims_for(door, liar, asked))
    cookies = dict(browser.cookies)
    answer = {"state": asked["state"], "code": "c"}
    assert browser.get("/sign-in/back", params=answer).status_code == 303
    again = door.browser()
    again.cookies.update(cookies)
    assert again.get("/sign-in/back", params=answer).status_code == 403
    assert again.get(BOARD).status_code == 401


def test_an_answer_counts_for_the_browser_that_asked_alone(door: Door, liar: Liar) -> None:
    """Nobody is made to sign in as somebody else."""
    attacker, victim = door.browser(), door.browser()
    asked = leave(liar, attacker)
    liar.id_token = liar.sign(claims_for(door, liar, asked))
    answer = {"state": asked["state"], "code": "c"}
    assert victim.get("/sign-in/back", params=answer).status_code == 403
    leave(liar, victim)
    assert victim.get("/sign-in/back", params=answer).status_code == 403
    assert victim.get(BOARD).status_code == 401


def test_an_answer_that_took_too_long_counts_no_more(door: Door, liar: Liar) -> None:
    browser = door.browser()
    asked = leave(liar, browser)
    door.clock.pass_by(timedelta(minutes=10))
    liar.id_token = liar.sign(claims_for(door, liar, asked))
    params = {"state": asked["state"], "code": "c"}
    assert browser.get("/sign-in/back", params=params).status_code == 403


def test_the_verifier_goes_to_the_provider_and_nowhere_else(door: Door, liar: Liar) -> None:
    browser = door.browser()
    asked = leave(liar, browser)
    liar.id_token = liar.sign(claims_for(door, liar, asked))
    liar.challenge = "of another verifier"
    params = {"state": asked["state"], "code": "c"}
    assert browser.get("/sign-in/back", params=params).status_code == 403


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "evil.example",
    "",
    "/\n//evil.example",
    " //evil.example",
]


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_signing_in_leads_nowhere_else(door: Door, liar: Liar, wanted: str) -> None:
    browser = door.browser()
    asked = leave(liar, browser, wanted)
    liar.id_token = liar.sign(claims_for(door, liar, asked))
    answer = browser.get("/sign-in/back", params={"state": asked["state"], "code": "c"})
    assert answer.headers["location"] == "/"


def test_a_path_of_this_service_is_gone_back_to() -> None:
    assert safe_path("/worklist?force=33&queue=mine") == "/worklist?force=33&queue=mine"


def test_a_new_key_is_fetched_when_met_but_not_for_every_forgery(door: Door, liar: Liar) -> None:
    assert come_back(door, liar, door.browser()).status_code == 303
    liar.key = a_key("second")
    liar.published = [liar.key]
    for _ in range(3):
        assert come_back(door, liar, door.browser()).status_code == 403
    assert liar.asked.count("/jwks") == 1
    door.clock.pass_by(KEYS_AGAIN_AFTER)
    assert come_back(door, liar, door.browser()).status_code == 303
    assert liar.asked.count("/jwks") == 2


def test_a_key_that_was_withdrawn_counts_no_longer_than_an_hour(door: Door, liar: Liar) -> None:
    assert come_back(door, liar, door.browser()).status_code == 303
    liar.published = [a_key("second")]
    door.clock.pass_by(METADATA_LASTS)
    assert come_back(door, liar, door.browser()).status_code == 403


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://elsewhere.example"},
        {"jwks_uri": "http://elsewhere.example/jwks"},
        {"token_endpoint": "ftp://elsewhere.example"},
        {"token_endpoint": None},
        {"id_token_signing_alg_values_supported": 7},
    ],
)
def test_a_provider_that_contradicts_itself_is_not_followed(
    door: Door, liar: Liar, metadata: dict[str, Any]
) -> None:
    liar.metadata |= metadata
    answer = door.browser().get("/sign-in")
    assert answer.status_code == 403
    assert "elsewhere" not in answer.text


def test_a_provider_that_takes_only_unsafe_signatures_lets_nobody_in(
    door: Door, liar: Liar
) -> None:
    liar.metadata["id_token_signing_alg_values_supported"] = ["none", "HS256"]
    assert come_back(door, liar, door.browser(), unsigned).status_code == 403
    assert come_back(door, liar, door.browser()).status_code == 403


def test_a_provider_that_does_not_answer_is_said_to(tmp_path: Path) -> None:
    with a_door(tmp_path, **at("http://127.0.0.1:1")) as door:
        answer = door.browser().get("/sign-in")
    assert answer.status_code == 403
    assert "does not answer" in answer.text


def test_keys_that_cannot_be_read_let_nobody_in(door: Door, liar: Liar) -> None:
    liar.metadata["jwks_uri"] = f"{liar.issuer}/nothing"
    assert come_back(door, liar, door.browser()).status_code == 403


ODD: tuple[object, ...] = (
    *(b"", b"<html>", b"\xff\xfe", b"[" * 100_000, [], 7, None, "text", {}),
    *({"keys": 7}, {"keys": [{}]}, {"keys": [{"kty": "RSA"}]}, {"keys": [7]}),
    *({"id_token": 7}, {"id_token": ["a"]}, {"access_token": 7, "id_token": {}}),
)


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
@pytest.mark.parametrize("said", ODD, ids=lambda said: repr(said)[:20])
def test_whatever_the_provider_answers_nothing_breaks(
    door: Door, liar: Liar, path: str, said: object
) -> None:
    browser = door.browser()
    if path == "/.well-known/openid-configuration":
        liar.instead[path] = said
        assert browser.get("/sign-in").status_code == 403
        return
    asked = leave(liar, browser)
    liar.id_token = liar.sign(claims_for(door, liar, asked))
    liar.instead[path] = said
    answer = browser.get("/sign-in/back", params={"state": asked["state"], "code": "c"})
    assert answer.status_code == 403, answer.text


def test_what_the_provider_says_beside_rights_is_not_kept(door: Door, liar: Liar) -> None:
    browser = door.browser()
    assert come_back(door, liar, browser, said(name="Q7-name", email="q7@x")).status_code == 303
    file = str(door.gate.ledger.engine.url.database)
    held = b"".join(path.read_bytes() for path in Path(file).parent.glob("door.db*"))
    assert b"person-7" in held
    assert b"Q7-name" not in held
    assert b"q7@x" not in held


# -- claims -----------------------------------------------------------------------------------------


def test_claims_become_roles_forces_and_rights() -> None:
    settings = read_settings(
        oidc_roles_claim="realm.groups",
        oidc_forces_claim="https://x.example/forces",
        oidc_words={"grp-bureau": "decision_maker", "leics": "33", "grp-child": "child"},
    )
    claims = {
        "sub": "p",
        "realm": {"groups": ["grp-bureau", "grp-none", 7, "auditor"]},
        "https://x.example/forces": "leics 34",
        "rights": ["grp-child", "everything"],
        "officer": "hash-1",
    }
    kept = granted(claims, settings)
    assert kept.actor.roles == (ActorRole.DECISION_MAKER, ActorRole.AUDITOR)
    assert kept.actor.forces == ("33", "34")
    assert kept.actor.officer_hash == "hash-1"
    assert kept.special == (Special.CHILD,)


@pytest.mark.parametrize(
    "roles", [None, {}, {"supervisor": True}, 7, [["supervisor"]], "", "super"]
)
def test_claims_of_another_shape_bring_no_role(roles: object) -> None:
    with pytest.raises(SignInRefused) as refused:
        granted({"sub": "p", "roles": roles, "forces": ["33"]}, read_settings())
    assert refused.value.reason == "no_role"


def test_every_force_is_one_word() -> None:
    kept = granted({"sub": "p", "roles": ["auditor"], "forces": ["33", "*"]}, read_settings())
    assert kept.actor.forces == ("*",)


def _csrf(door: Door, browser: TestClient) -> str:
    return csrf_of(browser.cookies[door.gate.cookie])
