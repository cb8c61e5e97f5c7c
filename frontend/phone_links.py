"""Deep links that set a phone app up by one tap or one QR code, with the phone's secret in them.

Shown once, together with the secret. What each app reads: Traccar Client's settings by link,
OwnTracks' booklet (`features/remoteconfig`), Overland's and Colota's READMEs, GPSLogger's guide
to profiles from a link.
"""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlencode, urlsplit

import segno
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from patrols.models import Phone, PhoneApp

# A heartbeat while the phone lies still, so that "last contact" goes on telling.
HEARTBEAT_S = 60


def public_address() -> str:
    """The address that phones use, without a slash at the end."""
    return str(settings.PUBLIC_ADDRESS).rstrip("/")


def endpoint(phone: Phone) -> str:
    """Where this phone's app posts to."""
    return f"{public_address()}/phone/{phone.app}"


def packed(config: dict[str, object]) -> str:
    """A JSON object as Base64 that passes through a query."""
    text = json.dumps(config, separators=(",", ":"))
    return quote(base64.b64encode(text.encode()).decode(), safe="")


def deep_link(phone: Phone, secret: str) -> str:
    """The link that the phone's app opens; empty for an app that has none."""
    match phone.app:
        case PhoneApp.TRACCAR:
            values = {
                "url": endpoint(phone),
                "id": secret,
                "accuracy": "highest",  # no distance limit, no stop detection: a patrol needs it
                "distance": 0,
                "interval": phone.interval_s,
                "heartbeat": HEARTBEAT_S,
                "buffer": "true",
                "wakelock": "true",
                "stop_detection": "false",
            }
            return "org.traccar.client://config?" + urlencode(values, quote_via=quote)
        case PhoneApp.OWNTRACKS:
            config = {
                "_type": "configuration",
                "mode": 3,  # HTTP
                "url": endpoint(phone),
                "auth": True,
                "username": "tandem",
                "password": secret,
                "deviceId": f"phone-{phone.pk}",
                "monitoring": 2,  # move
                "locatorInterval": phone.interval_s,  # iPhone, in move mode
                "moveModeLocatorInterval": phone.interval_s,  # Android
                "locatorDisplacement": 0,
                "encryptionKey": "",
                "cmd": False,
            }
            return "owntracks:///config?inline=" + packed(config)
        case PhoneApp.OVERLAND:
            values = {"url": endpoint(phone), "token": secret, "device_id": f"phone-{phone.pk}"}
            return "overland://setup?" + urlencode(values, quote_via=quote)
        case PhoneApp.COLOTA:
            config = {
                "endpoint": endpoint(phone),
                "apiTemplate": "custom",
                "httpMethod": "POST",
                "interval": phone.interval_s,
                "distance": 0,
                "syncInterval": 0,
                "isOfflineMode": False,
                "auth": {"type": "bearer", "bearerToken": secret},
            }
            return "colota://setup?config=" + packed(config)
        case PhoneApp.GPSLOGGER:
            return f"gpslogger://properties/{profile_address(secret)}"
    return ""


def profile_address(secret: str) -> str:
    """Where GPSLogger fetches its settings from."""
    return f"{public_address()}/phone-setup/tandem.properties?id={quote(secret, safe='')}"


def qr_text(phone: Phone, secret: str) -> str:
    """What the QR code says: the deep link, or a page that holds it.

    Android browsers open GPSLogger's link only when it is tapped on a page.
    """
    if phone.app == PhoneApp.GPSLOGGER:
        return f"{public_address()}/phone-setup/?id={quote(secret, safe='')}"
    return deep_link(phone, secret)


def gpslogger_url(secret: str) -> str:
    """GPSLogger's custom URL with its own placeholders."""
    return (
        f"{public_address()}/phone/gpslogger?id={quote(secret, safe='')}"
        "&lat=%LAT&lon=%LON&time=%TIME&acc=%ACC&spd=%SPD&dir=%DIR&battery=%BATT"
    )


def gpslogger_profile(phone: Phone, secret: str) -> str:
    """GPSLogger's settings as its `.properties` file."""
    lines = {
        "log_customurl_enabled": "true",
        "log_customurl_url": gpslogger_url(secret),
        "log_customurl_method": "GET",
        "log_customurl_discard_offline_locations_enabled": "false",
        "time_before_logging": str(phone.interval_s),
        "distance_before_logging": "0",
        "startonbootup": "true",
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def qr_svg(text: str) -> SafeString:
    """A QR code as inline SVG: attributes only, no style, as the page's policy asks."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(border=4, omitsize=True, dark="#000", light="#fff", svgclass="qr")
    # Made here from black and white squares; nothing of the text stands in it.
    return mark_safe(svg)  # noqa: S308


def address_warning() -> str:
    """What is wrong with the address in codes and links; empty if nothing is."""
    parts = urlsplit(public_address())
    host = parts.hostname or ""
    if host in ("localhost", "::1") or host.startswith("127."):
        return _(
            "This address (%(address)s) leads back to the phone itself: set PUBLIC_ADDRESS to the "
            "address that phones can reach, then give a new secret."
        ) % {"address": public_address()}
    if parts.scheme != "https":
        return _(
            "This address (%(address)s) has no encryption: iPhones refuse it, and others could "
            "read positions and secret. Set PUBLIC_ADDRESS to an https address first."
        ) % {"address": public_address()}
    return ""
