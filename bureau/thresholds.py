"""What one threshold carries besides its value: unit, source, meaning, bounds, choices. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import Field, field
from enum import StrEnum
from typing import Any

from bureau.sentences import Sentence, gettext_noop


class Source(StrEnum):
    """Where a number comes from; shown beside it on screen."""

    LAW = gettext_noop("law")
    PRACTICE = gettext_noop("bureau practice, no published standard")
    STUDIES = gettext_noop("studies of policing, no standard of this field")
    MEASURED = gettext_noop("our default, measured")
    OURS = gettext_noop("our default, no standard")


# Units a rule may be given in (none for yes and no, and for choices); pages translate them.
UNITS = frozenset(
    (
        gettext_noop("s"),
        gettext_noop("m"),
        gettext_noop("m/s"),
        gettext_noop("ratio"),
        gettext_noop("days"),
        gettext_noop("working days"),
        gettext_noop("months"),
        gettext_noop("members"),
        gettext_noop("officers"),
        gettext_noop("officers per 10,000 residents"),
        gettext_noop("recorders"),
        gettext_noop("desks"),
        gettext_noop("visits a day"),
        gettext_noop("visits a week"),
    )
)

# Days of the week as a rule keeps them: ISO numbers in a row, "24" for Tuesday and Thursday.
WEEKDAYS: Mapping[str, str] = {
    "1": gettext_noop("Monday"),
    "2": gettext_noop("Tuesday"),
    "3": gettext_noop("Wednesday"),
    "4": gettext_noop("Thursday"),
    "5": gettext_noop("Friday"),
    "6": gettext_noop("Saturday"),
    "7": gettext_noop("Sunday"),
}


def rule(
    default: Any,
    unit: str,
    source: Source,
    meaning: str,
    *,
    low: float = 0,
    high: float = 1e9,
    choices: Mapping[str, str] | None = None,
    several: bool = False,
    later: bool = False,
) -> Any:
    """A dataclass field that carries what a person needs to know of one threshold.

    low, high: sane bounds of a number · choices: value → words, where it is no number; `several`:
    any of them, written one after another · later: no verdict and no page rests on it yet.
    """
    return field(
        default=default,
        metadata={
            "unit": unit,
            "source": source,
            "meaning": meaning,
            "low": low,
            "high": high,
            "choices": choices,
            "several": several,
            "later": later,
        },
    )


def misfit(value: Any, known: Field[Any]) -> str | None:
    """The sentence that says why a value does not fit a rule, or None if it does."""
    choices = known.metadata["choices"]
    if choices is not None:
        return _misfit_choice(value, choices, several=known.metadata["several"])
    if isinstance(known.default, bool):
        return None if isinstance(value, bool) else gettext_noop("%(key)s takes true or false.")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return gettext_noop("%(key)s takes a number.")
    if not known.metadata["low"] <= value <= known.metadata["high"]:
        return gettext_noop("%(key)s must lie between %(low)g and %(high)g.")
    if known.type == "int" and value != int(value):
        return gettext_noop("%(key)s takes a whole number.")
    return None


def _misfit_choice(value: Any, choices: Mapping[str, str], *, several: bool) -> str | None:
    if several:
        fits = isinstance(value, str) and value == "".join(key for key in choices if key in value)
        return None if fits and value else gettext_noop("%(key)s takes one or more of %(choices)s.")
    fits = isinstance(value, str) and value in choices
    return None if fits else gettext_noop("%(key)s takes one of %(choices)s.")


def problems_of(
    values: Mapping[str, Any],
    known: Mapping[str, Field[Any]],
    in_order: Sequence[tuple[str, str]],
) -> list[Sentence]:
    """What is wrong with values of the known thresholds; of each two `in_order` the second is
    never smaller."""
    problems = []
    for key, value in values.items():
        if key not in known:
            problems.append(
                Sentence(
                    "unknown_rule", gettext_noop("There is no rule called %(key)s."), {"key": key}
                )
            )
        elif template := misfit(value, known[key]):
            about = known[key].metadata
            said = {"key": key, "low": about["low"], "high": about["high"]}
            if about["choices"] is not None:
                said["choices"] = ", ".join(about["choices"])
            problems.append(Sentence("misfit", template, said))
    if problems:
        return problems
    for smaller, larger in in_order:
        least, most = (values.get(key, known[key].default) for key in (smaller, larger))
        if most < least:
            template = gettext_noop("%(larger)s must not be smaller than %(smaller)s.")
            problems.append(Sentence("order", template, {"larger": larger, "smaller": smaller}))
    return problems
