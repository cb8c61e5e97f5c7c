"""What to type into a phone app so that it reports: shown once, with the secret."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from frontend.phone_links import endpoint, gpslogger_url
from patrols.models import Phone, PhoneApp


@dataclass(frozen=True)
class Entry:
    """One field of an app's settings; `secret` marks what is never shown again."""

    name: str
    value: str
    secret: bool = False


def settings_of(phone: Phone, secret: str) -> list[Entry]:
    """The fields of the phone's app, in the order in which the app has them."""
    address = endpoint(phone)
    interval = Entry(_("Interval or frequency"), _("%(s)d s") % {"s": phone.interval_s})
    match phone.app:
        case PhoneApp.TRACCAR:
            return [
                Entry(_("Server URL"), address),
                Entry(_("Device identifier"), secret, secret=True),
                interval,
                Entry(_("Accuracy"), _("highest")),
                Entry(_("Offline buffering"), _("on")),
            ]
        case PhoneApp.OWNTRACKS:
            return [
                Entry(_("Mode"), "HTTP"),
                Entry(_("URL"), address),
                Entry(_("Authentication"), _("on")),
                Entry(_("User name"), "tandem"),
                Entry(_("Password"), secret, secret=True),
                interval,
            ]
        case PhoneApp.GPSLOGGER:
            return [Entry(_("Custom URL"), gpslogger_url(secret), secret=True), interval]
        case _:
            return [
                Entry(_("Server URL"), address),
                Entry(_("Token (Bearer)"), secret, secret=True),
                interval,
            ]
