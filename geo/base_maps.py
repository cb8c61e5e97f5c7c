"""Outside base maps, off by default: what an address may be, and what the live page is told."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from bureau.errors import Refused
from bureau.models import User
from geo.models import BaseMap

# A policy of the browser (CSP) is a list of hosts with spaces and semicolons between.
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?")
PLACEHOLDERS = {"z", "x", "y", "key"}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def check_address(address: str, key: str) -> None:
    """Raise Refused unless it is the address of tiles on one host, over HTTPS.

    Plain HTTP only from the machine itself, for a map server that runs there.
    """

    def refuse(said: str) -> Refused:
        return Refused("base_map_address", said)

    if re.search(r"[\s\"'<>\\;,]", address):
        raise refuse(_("An address has no spaces, quotes, commas or semicolons."))
    found = set(re.findall(r"\{([^{}]*)\}", address))
    if missing := {"z", "x", "y"} - found:
        names = ", ".join(f"{{{name}}}" for name in sorted(missing))
        raise refuse(_("The address lacks %(names)s.") % {"names": names})
    if unknown := found - PLACEHOLDERS:
        names = ", ".join(f"{{{name}}}" for name in sorted(unknown))
        raise refuse(_("The address has %(names)s, which nothing fills in.") % {"names": names})
    if ("key" in found) != bool(key):
        raise refuse(
            _("Give a key and put {key} where it belongs in the address, or leave out both.")
        )
    try:
        parts = urlsplit(address)
        host = parts.netloc.lower()
        _port = parts.port
    except ValueError as error:
        raise refuse(_("This is no address of a server.")) from error
    if not HOST.fullmatch(host):
        raise refuse(_("Name one server, without placeholders, user or password in its name."))
    is_here = re.sub(r":[0-9]+$", "", host) in LOOPBACK
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        raise refuse(_("The address begins with https://."))


def origin_of(address: str) -> str:
    """Scheme and host of a checked address: what the browser is allowed to ask."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def base_map_of(user: User) -> BaseMap | None:
    """The outside map of the user's bureau if it is on and its address is sound."""
    found = BaseMap.objects.filter(bureau=user.bureau_id, is_on=True).first()
    if found is None:
        return None
    try:
        check_address(found.address, found.key)
    except Refused:  # changed behind the form's back: better no map than an open policy
        return None
    return found


def page_settings(found: BaseMap) -> dict[str, Any]:
    """What the page's script needs."""
    return {
        "name": found.name,
        "tiles": found.address.replace("{key}", found.key),
        "attribution": found.attribution,
        "datum": found.datum,
        "most_zoom": found.most_zoom,
    }


def with_host(policy: dict[str, list[str]], found: BaseMap) -> dict[str, list[str]]:
    """The browser's policy with the map's host added where tiles are fetched, and nowhere else."""
    host = origin_of(found.address)
    return policy | {
        name: [*policy.get(name, ["'self'"]), host] for name in ("img-src", "connect-src")
    }
