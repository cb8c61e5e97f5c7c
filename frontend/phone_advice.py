"""What to mend on a phone: what its figures say, and what its maker's battery saver wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patrols.models import Phone, PhoneApp, PhoneMake
from patrols.phone_health import Health

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# A share of silence on duty that is worth a look at the battery saver.
SILENT_SHARE = 0.1


@dataclass(frozen=True)
class MakerAdvice:
    """Settings of one maker's phones that stop apps, and where this was read."""

    steps: tuple[_StrPromise, ...]
    source: str


LOCATION = gettext_lazy("Allow location “all the time” and precise location for the app.")
LOCK = gettext_lazy("In the list of recent apps, lock the app with the padlock.")

# After dontkillmyapp.com (makers of Android phones) and Apple's support pages; not tried on each
# model, and the names of menus differ between versions.
# Honor's phones were Huawei's, and so is the advice for them.
HUAWEI = MakerAdvice(
    (
        LOCATION,
        gettext_lazy(
            "Settings → Battery → App launch: switch off “Manage automatically” for the app, "
            "then switch on auto-launch, secondary launch and run in background."
        ),
        LOCK,
    ),
    "dontkillmyapp.com/huawei",
)

MAKERS: dict[str, MakerAdvice] = {
    PhoneMake.HUAWEI: HUAWEI,
    PhoneMake.HONOR: HUAWEI,
    PhoneMake.XIAOMI: MakerAdvice(
        (
            LOCATION,
            gettext_lazy("Settings → Apps → the app: switch on Autostart."),
            gettext_lazy("Settings → Apps → the app → Battery saver: No restrictions."),
            LOCK,
        ),
        "dontkillmyapp.com/xiaomi",
    ),
    PhoneMake.OPPO: MakerAdvice(
        (
            LOCATION,
            gettext_lazy(
                "Settings → Battery → the app: allow background activity and auto-launch."
            ),
            LOCK,
        ),
        "dontkillmyapp.com/oppo",
    ),
    PhoneMake.VIVO: MakerAdvice(
        (
            LOCATION,
            gettext_lazy("Settings → Battery → High background power consumption: allow the app."),
            gettext_lazy("i Manager → App manager → Autostart manager: allow the app."),
            LOCK,
        ),
        "dontkillmyapp.com/vivo",
    ),
    PhoneMake.SAMSUNG: MakerAdvice(
        (
            LOCATION,
            gettext_lazy("Settings → Apps → the app → Battery: Unrestricted."),
            gettext_lazy(
                "Settings → Battery → Background usage limits: add the app to the apps that "
                "never sleep."
            ),
        ),
        "dontkillmyapp.com/samsung",
    ),
    PhoneMake.APPLE: MakerAdvice(
        (
            gettext_lazy(
                "Settings → Privacy & Security → Location Services → the app: Always, and Precise "
                "Location on."
            ),
            gettext_lazy("Settings → General → Background App Refresh: on for the app."),
            gettext_lazy("Do not swipe the app away; keep Low Power Mode off on patrol."),
        ),
        "support.apple.com/102647",
    ),
    PhoneMake.OTHER: MakerAdvice(
        (
            LOCATION,
            gettext_lazy("Settings → Apps → the app → Battery: Unrestricted."),
            LOCK,
        ),
        "dontkillmyapp.com",
    ),
}

QUARANTINED: dict[str, _StrPromise] = {
    "future": gettext_lazy("The phone's clock is ahead: set it to automatic time."),
    "encrypted": gettext_lazy("OwnTracks encrypts: clear the encryption key in its settings."),
    "conflict": gettext_lazy(
        "The same moment came with two places: only one app may use this secret."
    ),
    "too_fast": gettext_lazy("It sends far more than its interval asks: check the interval."),
    "too_many": gettext_lazy("It sent more at once than any known app: check which app it is."),
    "too_large": gettext_lazy("It sent more at once than any known app: check which app it is."),
    "bad_place": gettext_lazy("Places could not be read: check the template of the app."),
    "bad_time": gettext_lazy("Times could not be read: check the template of the app."),
    "not_valid": gettext_lazy("The app itself calls fixes not valid: no view of the sky."),
}


def findings(phone: Phone, health: Health) -> list[str]:
    """What the figures say should be mended, most urgent first; empty if all is well."""
    if phone.revoked_at is not None or phone.app == PhoneApp.FILE:
        return []
    found = []
    refused = dict(health.refused)
    if phone.last_contact_at is None:
        found.append(
            _("It has never reported: check address and secret in the app, and that it is started.")
        )
    if refused.get("no_notice"):
        found.append(
            _("The location notice is not accepted: its holder accepts it on the My week page.")
        )
    if refused.get("off_duty"):
        found.append(
            _("Positions outside the shifts were not stored: if that was duty, mend the roster.")
        )
    if health.ran_empty:
        found.append(_("Gaps begin with an empty battery: charge it before the shift."))
    if health.duty_s and health.silent_share > SILENT_SHARE and phone.last_contact_at is not None:
        found.append(
            _("It was silent for %(percent)d %% of the time on duty: most often the battery saver.")
            % {"percent": round(100 * health.silent_share)}
        )
    if health.is_slow and health.seen_s is not None:
        found.append(
            _("It reports every %(seen)d s instead of every %(asked)d s: %(how)s")
            % {"seen": round(health.seen_s), "asked": health.asked_s, "how": faster(phone)}
        )
    found += [
        str(sentence) for reason, _n in health.quarantined if (sentence := QUARANTINED.get(reason))
    ]
    return list(dict.fromkeys(found))


def faster(phone: Phone) -> str:
    """Where the app's rhythm is set."""
    match phone.app:
        case PhoneApp.TRACCAR:
            return _("accuracy “highest”, distance 0, stop detection off.")
        case PhoneApp.OWNTRACKS:
            return _("monitoring mode “Move”.")
        case _:
            return _("check the interval in the app.")
