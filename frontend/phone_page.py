"""One phone's page: its health, what to mend, and its maker's battery saver."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from frontend.phone_advice import MAKERS, findings
from patrols.models import Phone, PhoneMake
from patrols.phone_health import DAYS, health_of, make_of


def health_page(phone: Phone) -> dict[str, Any]:
    """What the page of a phone shows."""
    now = timezone.now()
    health = health_of(phone, now=now)
    make = make_of(phone)
    holding = phone.holdings.filter(until=None).select_related("person__unit").first()
    return {
        "phone": phone,
        "holder": holding.person if holding else None,
        "health": health,
        "findings": findings(phone, health),
        "days": DAYS,
        "make": PhoneMake(make).label if make else "",
        "make_guessed": bool(make) and not phone.make,
        "maker": MAKERS.get(make),
    }
