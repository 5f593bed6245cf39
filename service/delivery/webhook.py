"""Webhooks as the Standard Webhooks specification has them (version 1.0): signed, with a key for repeats.

The answer's body is thrown away. No redirect is followed: a signed message goes where it was addressed,
or nowhere.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpx
import msgspec
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from service.alerts.notice import Notice
from service.delivery.addresses import permitted, within
from service.delivery.outcome import Delivered, Reason, Refused, Result, Retry
from service.delivery.tls import trusting
from service.settings import Settings

BODY_MAX = 16_384
"""Bytes of an answer's body that are read, at most."""

_LATER = frozenset({408, 425, 429})
"""Of the codes that begin with 4, those that mean: not now."""


class Webhooks:
    """Connections to receivers, kept open between messages; for one event loop."""

    def __init__(self, settings: Settings, secret: Callable[[str], str]) -> None:
        """``secret`` finds what a receiver's messages are signed with; empty: nothing is set up. Raises
        ``SettingsWrong``."""
        self._settings, self._secret = settings, secret
        self._clients: dict[tuple[str, str, str, int | None], httpx.AsyncClient] = {}
        self._tls = trusting("RECOUNT_RECEIVER_CA", settings.receiver_ca)

    async def send(self, notice: Notice, now: datetime) -> Result:
        """Send one message, within the time a setting allows for all of it."""
        try:
            url = httpx.URL(notice.address)
        except httpx.InvalidURL:
            return Refused(Reason.ADDRESS_WRONG)
        if url.scheme not in ("https", "http") or not url.host:
            return Refused(Reason.ADDRESS_WRONG)
        body = payload(notice)
        headers = signed(notice, body, self._secret(notice.receiver), now)
        if headers is None:
            return Retry(Reason.NOT_SET_UP)
        try:
            async with asyncio.timeout(self._settings.sending_within):
                return await self._post(notice.receiver, url, body, headers, now)
        except (TimeoutError, httpx.TimeoutException):
            return Retry(Reason.TIMED_OUT)
        except socket.gaierror:
            return Retry(Reason.UNREACHABLE)
        except httpx.TransportError as error:
            unsafe = isinstance(error.__cause__ or error.__context__, ssl.SSLError)
            caused = unsafe or "CERTIFICATE" in str(error)
            return Retry(Reason.NOT_SECURED if caused else Reason.UNREACHABLE)

    async def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _post(
        self, receiver: str, url: httpx.URL, body: bytes, headers: dict[str, str], now: datetime
    ) -> Result:
        allowed = self._settings.receiver_networks
        address = permitted(await _addresses(url), allowed)
        if address is None:
            return Refused(Reason.ADDRESS_PRIVATE)
        if url.scheme == "http" and not within(address, allowed):
            return Refused(Reason.NOT_SECURED)
        request = {**headers, "host": url.netloc.decode("ascii")}
        async with self._client(receiver, url).stream(
            "POST",
            url.copy_with(host=address),
            content=body,
            headers=request,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        ) as response:
            # A connection whose answer was read to its end can carry the next message.
            async for _ in response.aiter_raw():
                if response.num_bytes_downloaded > BODY_MAX:
                    break
            return _answered(response, now)

    def _client(self, receiver: str, url: httpx.URL) -> httpx.AsyncClient:
        """One for each receiver and host: a connection to an address serves the name it was made for
        alone, and few are quicker to look through than many."""
        key = (receiver, url.scheme, url.host, url.port)
        if key not in self._clients:
            self._clients[key] = httpx.AsyncClient(
                verify=self._tls,
                timeout=self._settings.sending_within,
                follow_redirects=False,
                trust_env=False,
                limits=httpx.Limits(max_connections=self._settings.sending_at_once),
            )
        return self._clients[key]


async def _addresses(url: httpx.URL) -> list[str]:
    """Where a URL leads. Raises ``socket.gaierror``."""
    try:
        return [str(ip_address(url.host))]
    except ValueError:
        loop = asyncio.get_running_loop()
        port = url.port or url.scheme
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        return [str(each[4][0]) for each in found]


def payload(notice: Notice) -> bytes:
    """The body; the same bytes whenever it is sent."""
    data: dict[str, Any] = {
        "force": notice.force,
        "alert_id": notice.alert_id,
        "subject": notice.subject,
        "n": notice.n,
        "step": notice.step,
        "class": notice.kind,
        "title": notice.body.title,
        "text": notice.body.text,
        **notice.body.data,
    }
    return msgspec.json.encode(
        {"type": f"recount.{notice.kind}", "timestamp": notice.due_at, "data": data}
    )


def signed(notice: Notice, body: bytes, secrets: str, now: datetime) -> dict[str, str] | None:
    """Its headers, with a signature by each secret (a line each, so that one can take over from
    another); None where there is none, or one that cannot sign."""
    try:
        signers = [Webhook(line.strip()) for line in secrets.splitlines() if line.strip()]
    except (ValueError, EmptyWebhookSecretError):
        return None  # not base64, or nothing
    if not signers:
        return None
    text = body.decode()
    return {
        "content-type": "application/json",
        "user-agent": "recount",
        "webhook-id": notice.notice_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(
            signer.sign(msg_id=notice.notice_id, timestamp=now, data=text) for signer in signers
        ),
    }


def _answered(response: httpx.Response, now: datetime) -> Result:
    code = response.status_code
    if 200 <= code < 300:
        return Delivered(code)
    if code >= 500:
        return Retry(Reason.SERVER_ERROR, code, retry_after(response.headers, now))
    if code in _LATER:
        return Retry(Reason.BUSY, code, retry_after(response.headers, now))
    if 300 <= code < 400:
        return Refused(Reason.REDIRECTED, code)
    return Refused(Reason.GONE if code == 410 else Reason.REJECTED, code)


def retry_after(headers: httpx.Headers, now: datetime) -> timedelta | None:
    """How long the server wants to be left alone: seconds or a date; None where it does not say."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.isdigit():
        return timedelta(seconds=min(int(given), 10**6))
    try:
        return max(parsedate_to_datetime(given) - now, timedelta())
    except (ValueError, TypeError):
        return None
