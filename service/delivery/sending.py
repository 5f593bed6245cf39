"""One attempt to send one message, by whichever channel its receiver is reached."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol, assert_never

from service.alerts.notice import Channel, Notice
from service.delivery.chat import send_chat
from service.delivery.email import send_email
from service.delivery.outcome import Delivered, Reason, Result, Retry
from service.delivery.webhook import Webhooks
from service.log import log, trail
from service.settings import Settings, SettingsWrong


class Ways(Protocol):
    """By what messages leave, for one event loop."""

    async def send(self, notice: Notice, now: datetime) -> Result:
        """Try once; whatever goes wrong is an answer, never an error."""

    async def close(self) -> None:
        """Let go of whatever is open."""


class KeptHere:
    """Nothing leaves: every message counts as taken, and is read on the Notifications page."""

    async def send(self, notice: Notice, now: datetime) -> Result:
        """Taken."""
        return Delivered()

    async def close(self) -> None:
        """Nothing is open."""


class Channels:
    """Every channel, with its settings and secrets; for one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._webhooks = Webhooks(settings, settings.receiver_secret)
        # E-mail and chat wait in threads, each within its own timeouts.
        self._waiting = ThreadPoolExecutor(settings.sending_at_once, "sending")

    async def send(self, notice: Notice, now: datetime) -> Result:
        """Try once; whatever goes wrong is an answer, never an error."""
        try:
            return await self._send(notice, now)
        except SettingsWrong as error:
            log().warning("sending_not_set_up", receiver=notice.receiver, error=str(error))
            return Retry(Reason.NOT_SET_UP)
        except Exception as error:
            # One message that breaks a library must not stop the others.
            log().error("sending_broke", notice=notice.notice_id, trail=trail(error))
            return Retry(Reason.NOT_TAKEN)

    async def _send(self, notice: Notice, now: datetime) -> Result:
        loop = asyncio.get_running_loop()
        match notice.channel:
            case Channel.WEBHOOK:
                return await self._webhooks.send(notice, now)
            case Channel.EMAIL:
                return await loop.run_in_executor(
                    self._waiting, send_email, self._settings, notice, now
                )
            case Channel.CHAT:
                secret = self._settings.receiver_secret(notice.receiver)
                return await loop.run_in_executor(
                    self._waiting, send_chat, self._settings, notice, secret
                )
            case _:
                assert_never(notice.channel)

    async def close(self) -> None:
        """Let go of every connection; what is under way in threads is not waited for."""
        await self._webhooks.close()
        self._waiting.shutdown(wait=False, cancel_futures=True)
