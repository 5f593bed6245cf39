"""Whom to believe that a server is who it says."""

import ssl
from pathlib import Path

from service.settings import SettingsWrong


def trusting(setting: str, file: Path | None) -> ssl.SSLContext:
    """Certificates that vouch for servers: those of a file, or the system's. Raises ``SettingsWrong``."""
    try:
        return ssl.create_default_context(cafile=file)
    except OSError as error:  # an ssl.SSLError is one as well
        raise SettingsWrong(
            f"{setting}: {file}: {error.strerror or 'no certificates'}; give a PEM file"
        ) from None
