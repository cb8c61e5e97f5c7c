"""The rules as a page shows them: value with unit, meaning, and where the number comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.utils.translation import gettext as _

from bureau.rule_words import value_words
from bureau.rules import Rules


def rule_lines(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every rule with the value used, its unit, meaning and source; what differs is marked.

    What a set does not name has its default. `later`: no verdict and no page rests on it yet.
    """
    return [
        {
            "key": rule.name,
            "value": value_words(values.get(rule.name, rule.default), rule),
            "meaning": _(rule.metadata["meaning"]),
            "source": _(str(rule.metadata["source"])),
            "changed": values.get(rule.name, rule.default) != rule.default,
            "default": value_words(rule.default, rule),
            "later": rule.metadata["later"],
        }
        for rule in fields(Rules)
    ]
