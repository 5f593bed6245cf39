"""Chat services, through Apprise: one URL for each receiver, which is a secret, since it holds tokens.

Most chat services know no keys for repeats, so the text ends with the message's own: who sees it twice
has seen one message.
"""

import logging
import socket

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType

from service.alerts.notice import Notice, NoticeClass
from service.delivery.addresses import permitted
from service.delivery.outcome import Delivered, Reason, Refused, Result, Retry
from service.settings import Settings


def send_chat(settings: Settings, notice: Notice, secret: str) -> Result:
    """Send one message to the service at the URL that is the receiver's secret."""
    # It logs addresses, with their tokens: what comes of a message is told by the result instead.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    url = next((line.strip() for line in secret.splitlines() if line.strip()), "")
    if not url:
        return Retry(Reason.NOT_SET_UP)
    asset = AppriseAsset(async_mode=False, http_redirects=False, secure_logging=True)
    service = Apprise.instantiate(url, asset=asset)
    if service is None:
        return Retry(Reason.NOT_SET_UP)
    # Other services' URLs hold tokens where a host would stand, and those are not for a resolver.
    templates: tuple[str, ...] = service.templates
    if any("{host}" in template for template in templates):
        refused = _looked_at(settings, str(service.host))
        if refused is not None:
            return refused
    service.socket_connect_timeout = service.socket_read_timeout = settings.sending_within / 2
    urgent = notice.kind is NoticeClass.INTERRUPT
    taken = service.notify(
        title=notice.body.title,
        body=f"{notice.body.text.rstrip()}\n\nmessage {notice.notice_id}",
        notify_type=NotifyType.WARNING if urgent else NotifyType.INFO,
        body_format=NotifyFormat.TEXT,
    )
    return Delivered() if taken else Retry(Reason.NOT_TAKEN)


def _looked_at(settings: Settings, host: str) -> Result | None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return Retry(Reason.UNREACHABLE)
    if permitted((str(each[4][0]) for each in found), settings.receiver_networks) is None:
        return Refused(Reason.ADDRESS_PRIVATE)
    return None
