"""The rules as a page shows them: value with unit, meaning, and where the number comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from bureau.rules import described


def rule_lines(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every rule with the value used, its unit, meaning and source; what differs is marked."""
    return [
        {
            "key": key,
            "value": value_words(values.get(key, default), unit),
            "meaning": _(meaning),
            "source": _(str(source)),
            "changed": values.get(key, default) != default,
            "default": value_words(default, unit),
        }
        for key, default, unit, source, meaning in described()
    ]


def value_words(value: Any, unit: str) -> str:
    """A rule's value with its unit, as a person writes it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if unit == "s" and value >= 120 and value % 60 == 0:
        return _("%(min)d min") % {"min": value // 60}
    if unit == "ratio":
        return f"{value * 100:g} %"
    return f"{value:g} {_(unit)}".strip() if unit else f"{value:g}"
