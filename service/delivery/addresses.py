"""Where messages may go: to public addresses, and to private ones only where a setting allows it.

A name is resolved once and the connection goes to the address that was looked at, so that a name that
answers otherwise a moment later leads nowhere.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_WRAPPERS = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Addresses that carry another address inside, which may be private."""


def permitted(addresses: Iterable[str], allowed: Sequence[Network]) -> str | None:
    """The first address to which one may connect; None: there is none."""
    for text in addresses:
        address = _plain(ip_address(text.partition("%")[0]))
        if _public(address) or within(address, allowed):
            return text
    return None


def within(address: Address | str, networks: Sequence[Network]) -> bool:
    """Does it lie in one of these?"""
    plain = _plain(ip_address(address) if isinstance(address, str) else address)
    return any(plain.version == network.version and plain in network for network in networks)


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _public(address: Address) -> bool:
    wrapped = isinstance(address, IPv6Address) and any(address in each for each in _WRAPPERS)
    return address.is_global and not address.is_multicast and not wrapped
