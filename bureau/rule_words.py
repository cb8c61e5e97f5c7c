"""A rule's value as a person reads it, with its unit, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

# What is counted has a plural; `n` chooses the form, `value` is what is written.
COUNTED: Mapping[str, Any] = {
    "days": ngettext_lazy("%(value)s day", "%(value)s days", "n"),
    "working days": ngettext_lazy("%(value)s working day", "%(value)s working days", "n"),
    "months": ngettext_lazy("%(value)s month", "%(value)s months", "n"),
    "members": ngettext_lazy("%(value)s member", "%(value)s members", "n"),
    "officers": ngettext_lazy("%(value)s officer", "%(value)s officers", "n"),
    "officers per 10,000 residents": ngettext_lazy(
        "%(value)s officer per 10,000 residents", "%(value)s officers per 10,000 residents", "n"
    ),
    "recorders": ngettext_lazy("%(value)s recorder", "%(value)s recorders", "n"),
    "desks": ngettext_lazy("%(value)s desk", "%(value)s desks", "n"),
    "visits a day": ngettext_lazy("%(value)s visit a day", "%(value)s visits a day", "n"),
    "visits a week": ngettext_lazy("%(value)s visit a week", "%(value)s visits a week", "n"),
}


def value_words(value: Any, rule: Field[Any]) -> str:
    """`2 h`, `1 visit a day`, `80 %`, `yes`, `Tuesday, Thursday`."""
    choices, unit = rule.metadata["choices"], rule.metadata["unit"]
    if choices is not None:
        chosen = [key for key in choices if key in value] if rule.metadata["several"] else [value]
        return _(", ").join(_(choices.get(key, key)) for key in chosen)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if unit == "s" and value >= 120 and value % 60 == 0:
        return _("%(min)d min") % {"min": value // 60}
    if unit == "ratio":
        return f"{value * 100:g} %"
    if unit in COUNTED:
        # A broken number takes the plural in every language that has one.
        n = int(value) if value == int(value) else 2
        return str(COUNTED[unit] % {"n": n, "value": f"{value:g}"})
    return f"{value:g} {_(unit)}".strip() if unit else f"{value:g}"
