"""Where a push message may go. A browser names the address: it must not point into our network.

The name is checked when it is given; where it leads is checked each time before anything is sent,
and the message goes to the very address that was checked.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST = 1000
HTTPS_PORT, HTTP_PORT = 443, 80


class Forbidden(ValueError):
    """An address to which nothing is sent; its words are for the log."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address. `exempt`: the operator has named the host, also if it is private."""

    host: str
    port: int
    path: str
    secure: bool
    exempt: bool

    @property
    def origin(self) -> str:
        """Scheme, host and port, the audience of the sender's token. Safe to log: the path is a
        secret of the browser."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        scheme, usual = ("https", HTTPS_PORT) if self.secure else ("http", HTTP_PORT)
        return f"{scheme}://{name}" + ("" if self.port == usual else f":{self.port}")


def read_target(address: str, exempt: Collection[str] = ()) -> Target:
    """The parts of an address. Raises Forbidden unless it is HTTPS to a name outside.

    exempt: `host` or `host:port` of push services in a closed network, which may be private and
    speak plain HTTP.
    """
    if len(address) > LONGEST or not address.isascii() or not address.isprintable():
        raise Forbidden("the address is too long or has odd characters")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Forbidden("it is no address") from None
    if " " in address or "\\" in address or not host or "@" in parts.netloc or parts.fragment:
        raise Forbidden("it is no plain address of a server")
    secure = parts.scheme == "https"
    if port is None:
        port = HTTPS_PORT if secure else HTTP_PORT
    known = host in exempt or f"{host}:{port}" in exempt
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if known and parts.scheme in ("https", "http"):
        return Target(host, port, path, secure, exempt=True)
    if not secure:
        raise Forbidden("it is not https")
    if port != HTTPS_PORT:
        raise Forbidden("it names another port than 443")
    # Push services have names; so no spelling of a number leads anywhere.
    if "." not in host or ":" in host or host.rpartition(".")[2].isdigit():
        raise Forbidden("it names no host outside")
    return Target(host, port, path, secure=True, exempt=False)


def resolve(target: Target) -> str:
    """The IP address to send to. Raises Forbidden if any of the name's addresses is not public, and
    OSError if there is none."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    ips = [str(one[4][0]) for one in found]
    if not target.exempt:
        for ip in ips:
            if not is_public(ip):
                raise Forbidden(f"{target.host} leads to {ip}, which is not public")
    return ips[0]


def is_public(ip: str) -> bool:
    """Whether an IP address lies in the internet and nowhere nearer."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 address in the clothes of IPv6 is judged as what it is.
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo is not None:
            inner = address.teredo[1]
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return address.is_global and not address.is_multicast and not address.is_reserved


NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
