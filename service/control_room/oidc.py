"""The identity provider: where it is, whom it vouches for, by OpenID Connect's code flow with PKCE.

Discovery and keys are fetched when first needed and again after an hour; a token signed with a key not
seen before makes the keys be fetched anew, once a minute at most. Of a token, signature, issuer,
audience, expiry, nonce and the binding to its access token are checked; the claims are not kept.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from msgspec import Struct

from service.control_room.grants import SignInRefused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that are taken: by a key of which only the provider has the private half."""

METADATA_LASTS = timedelta(hours=1)
KEYS_AGAIN_AFTER = timedelta(minutes=1)
LEEWAY_S = 60
"""By how much the provider's clock may differ."""
ANSWER_WITHIN_S = 10.0

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Metadata(Struct, frozen=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """One identity provider, as one client of it sees it."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        secret: str,
        redirect_uri: str,
        scopes: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._secret = secret
        self._redirect_uri = redirect_uri
        self._scopes = scopes
        self._clock = clock
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, KeySet] | None = None

    async def authorize(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in. Raises ``SignInRefused``."""
        metadata = await self.metadata()
        async with self._client(metadata) as client:
            url, _state = client.create_authorization_url(
                metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def exchange(self, code: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """The claims of whoever came back with this code. Raises ``SignInRefused``."""
        metadata = await self.metadata()
        try:
            async with self._client(metadata) as client:
                token = await client.fetch_token(
                    metadata.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                )
        except (OAuthError, httpx2.HTTPError, ValueError) as error:
            raise SignInRefused("code_refused", "the provider did not take the code") from error
        return await self._verified(metadata, token, nonce)

    async def sign_out_at(self, back: str) -> str:
        """Where the browser signs out at the provider too; empty where it offers no such place."""
        try:
            place = (await self.metadata()).end_session_endpoint
        except SignInRefused:
            return ""
        if not place:
            return ""
        # No id_token_hint: the token would have to be kept, and it may hold a name.
        asked = {"client_id": self.client_id, "post_logout_redirect_uri": back}
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    async def metadata(self) -> Metadata:
        """The provider's own account of itself. Raises ``SignInRefused``."""
        if self._metadata is None or self._clock() >= self._metadata[0] + METADATA_LASTS:
            place = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                found = msgspec.json.decode(await self._fetch(place), type=Metadata)
            except msgspec.DecodeError as error:
                raise SignInRefused("provider_unreadable", f"{place} cannot be read") from error
            self._check(found)
            self._metadata = (self._clock(), found)
        return self._metadata[1]

    def _check(self, found: Metadata) -> None:
        if found.issuer != self.issuer:
            raise SignInRefused(
                "issuer_differs", "the provider names another issuer than RECOUNT_OIDC_ISSUER"
            )
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not safe_url(url):
                raise SignInRefused("provider_without_tls", "the provider's places must be https")

    async def _verified(
        self, metadata: Metadata, token: Mapping[str, Any], nonce: str
    ) -> Mapping[str, Any]:
        algorithms = [
            name for name in ALGORITHMS if name in metadata.id_token_signing_alg_values_supported
        ]
        written = token.get("id_token")
        if not isinstance(written, str):
            raise SignInRefused("no_id_token", "the provider sent no ID token")
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        try:
            try:
                read = jwt.decode(written, await self._key_set(metadata), registry=registry)
            except InvalidKeyIdError:
                keys = await self._key_set(metadata, not_from_before=KEYS_AGAIN_AFTER)
                read = jwt.decode(written, keys, registry=registry)
            claims = CodeIDToken(
                read.claims,
                read.header,
                # Authlib checks the audience only where it is told what it must be.
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self.client_id},
                },
                {
                    "nonce": nonce,
                    "client_id": self.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(self._clock().timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError) as error:
            reason = f"token_{getattr(error, 'error', 'unreadable')}"
            raise SignInRefused(reason, "the provider's token is not good here") from error
        return dict(read.claims)

    async def _key_set(
        self, metadata: Metadata, not_from_before: timedelta = METADATA_LASTS
    ) -> KeySet:
        if self._keys is None or self._clock() >= self._keys[0] + not_from_before:
            found = msgspec.json.decode(await self._fetch(metadata.jwks_uri))
            self._keys = (self._clock(), KeySet.import_key_set(found))
        return self._keys[1]

    async def _fetch(self, url: str) -> bytes:
        try:
            async with httpx2.AsyncClient(timeout=ANSWER_WITHIN_S) as client:
                answer = await client.get(url)
                answer.raise_for_status()
                return answer.content
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise SignInRefused(
                "provider_unreachable", "the identity provider does not answer; try again"
            ) from error

    def _client(self, metadata: Metadata) -> AsyncOAuth2Client:
        offered = metadata.token_endpoint_auth_methods_supported
        method = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return AsyncOAuth2Client(
            self.client_id,
            self._secret or None,
            scope=self._scopes,
            redirect_uri=self._redirect_uri,
            token_endpoint_auth_method=method if self._secret else "none",
            code_challenge_method="S256",
            timeout=ANSWER_WITHIN_S,
        )


def safe_url(url: str) -> bool:
    """Is this an address reached over TLS, or on this machine?"""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
