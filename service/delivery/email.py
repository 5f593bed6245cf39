"""E-mail by SMTP: plain text and a page, threaded by report, over TLS unless a setting says otherwise.

One connection carries one message. What a server says of the mailbox or the message ends it where the
code begins with 5; whatever goes wrong before that may be mended, and is tried again.
"""

import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from smtplib import (
    SMTP,
    SMTP_SSL,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from service.alerts.notice import Notice, NoticeClass
from service.delivery.outcome import Delivered, Reason, Refused, Result, Retry
from service.delivery.tls import trusting
from service.settings import Settings


def send_email(settings: Settings, notice: Notice, now: datetime) -> Result:
    """Give one message to the mail server. Raises ``SettingsWrong`` where a file cannot be read."""
    if not settings.smtp_host:
        return Retry(Reason.NOT_SET_UP)
    try:
        message = compose(settings, notice, now)
    except ValueError:  # a header that would be two
        return Refused(Reason.UNSENDABLE)
    if not notice.address.isascii() or len(message["To"].addresses) != 1:
        return Refused(Reason.ADDRESS_WRONG)
    try:
        with _connected(settings) as server:
            server.send_message(message)
    except SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        return _answered(code, Reason.REJECTED)
    except SMTPDataError as error:
        return _answered(error.smtp_code, Reason.REJECTED)
    except SMTPAuthenticationError as error:
        return Retry(Reason.LOGIN_REFUSED, error.smtp_code)
    except SMTPNotSupportedError:
        return Retry(Reason.NOT_SECURED)
    except SMTPResponseException as error:
        return Retry(Reason.SERVER_ERROR, error.smtp_code)
    except ssl.SSLError:
        return Retry(Reason.NOT_SECURED)
    except (SMTPException, OSError) as error:
        # The library calls a server that says nothing a connection that was closed.
        hangs = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        return Retry(Reason.TIMED_OUT if hangs else Reason.UNREACHABLE)
    return Delivered(250)


def compose(settings: Settings, notice: Notice, now: datetime) -> EmailMessage:
    """The message; the same ``Message-ID`` whenever it is sent. Raises ``ValueError`` where no header
    can hold what it should."""
    _, sender = parseaddr(settings.smtp_from)
    host = sender.rpartition("@")[2] or "localhost"
    message = EmailMessage()
    message["From"] = settings.smtp_from
    message["To"] = notice.address
    message["Subject"] = notice.body.title
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{notice.notice_id}@{host}>"
    if notice.thread:
        # All messages of a thread answer one that was never sent: programs group them by that.
        root = f"<thread-{sha256(notice.thread.encode()).hexdigest()[:32]}@{host}>"
        message["In-Reply-To"] = root
        message["References"] = root
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    if notice.kind is NoticeClass.INTERRUPT:
        message["Importance"] = "high"
    message.set_content(notice.body.text)
    if notice.body.html:
        message.add_alternative(notice.body.html, subtype="html")
    return message


def _connected(settings: Settings) -> SMTP:
    timeout = settings.sending_within / 2
    where = (settings.smtp_host, settings.smtp_port)
    context = trusting("RECOUNT_SMTP_CA", settings.smtp_ca)
    if settings.smtp_security == "tls":
        server: SMTP = SMTP_SSL(*where, timeout=timeout, context=context)
    else:
        server = SMTP(*where, timeout=timeout)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.mail_password())
    except BaseException:
        server.close()
        raise
    return server


def _answered(code: int, reason: Reason) -> Result:
    return Refused(reason, code) if code >= 500 else Retry(Reason.BUSY, code)
