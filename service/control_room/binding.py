"""Where the service may listen: on this machine, or elsewhere with sign-in and TLS."""

from ipaddress import ip_address

from service.control_room.oidc import safe_url
from service.settings import Settings, SettingsWrong


def is_loopback(host: str) -> bool:
    """Does only this machine reach this address?"""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_binding(settings: Settings, host: str) -> None:
    """Raises ``SettingsWrong`` where listening here would let in people nobody knows, or be overheard."""
    if settings.oidc_issuer:
        _check_provider(settings)
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise SettingsWrong("RECOUNT_TLS_CERTIFICATE and RECOUNT_TLS_KEY: set both, or neither")
    if is_loopback(host) and not settings.proxy_terminates_tls:
        return
    if not settings.oidc_issuer:
        raise SettingsWrong(
            f"RECOUNT_OIDC_ISSUER is not set: without sign-in it listens on 127.0.0.1, not on {host}"
        )
    if not settings.reached_by_tls():
        raise SettingsWrong(
            f"listening on {host} needs RECOUNT_TLS_CERTIFICATE and RECOUNT_TLS_KEY, or "
            "RECOUNT_PROXY_TERMINATES_TLS=true where a proxy in front has them"
        )


def _check_provider(settings: Settings) -> None:
    for name, value in {
        "RECOUNT_OIDC_ISSUER": settings.oidc_issuer,
        "RECOUNT_PUBLIC_URL": settings.public_url,
    }.items():
        if not safe_url(value):
            raise SettingsWrong(f"{name}: with sign-in it must be an https:// address")
    if not settings.oidc_client_id:
        raise SettingsWrong("RECOUNT_OIDC_CLIENT_ID is not set; the identity provider gives one")
