"""Bars, dots and words of the week's tables. Drawn as SVG, so that no inline style is needed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from frontend import words
from frontend.week_list import MARKS

register = template.Library()

BAR = 200.0  # width of a bar in its own units
SCALE = 1.25  # a bar ends at this multiple of what is required
FULL_DAY_S = 3600.0  # a day dot is full from this on

register.filter("duration", words.duration)


@register.filter
def verdict_reason(code: str) -> str:
    """The sentence for a verdict's reason."""
    return words.say(words.VERDICT_REASONS, code)


@register.filter
def pair_reason(code: str) -> str:
    """The sentence for a reason of the verdict on company."""
    return words.say(words.PAIR_REASONS, code)


@register.filter
def percent(share: float) -> int:
    """Whole percent."""
    return round(100 * share)


@register.filter
def span_reason(code: str) -> str:
    """The words for how a stretch of duty was used."""
    return words.say(words.SPAN_REASONS, code)


@register.filter
def refused_reason(code: str) -> str:
    """The words for why positions were not stored."""
    return words.say(words.REFUSED, code)


@register.filter
def unused_reason(code: str) -> str:
    """The words for why stored positions were not used."""
    return words.say(words.UNUSED, code)


@register.filter
def minutes(seconds: float) -> int:
    """Whole minutes, rounded down."""
    return int(seconds) // 60


@register.filter
def weekday(day: date) -> str:
    """`Mon`, in the reader's language."""
    return date_format(day, "D")


@register.filter
def weekday_letter(day: date) -> str:
    """The weekday in one character: the first, or the last where all begin alike (周一 … 周日)."""
    name = weekday(day)
    alike = name[0] == weekday(day + timedelta(days=1))[0] == weekday(day + timedelta(days=2))[0]
    return name[-1] if alike else name[0]


@register.inclusion_tag("week/minute_bar.html")
def minute_bar(row: Any) -> dict[str, Any]:
    """Credited time against what is required; what is not known is hatched, never hidden."""
    end = max(row.required_s * SCALE, 1.0)
    unit = BAR / end
    sure = min(row.credited_s, end)
    unsure = min(row.credited_s + row.unknown_s + row.band_s, end) - sure
    said = _("%(credited)s of %(required)s") % {
        "credited": words.duration(row.credited_s),
        "required": words.duration(row.required_s),
    }
    if row.unknown_s:
        said += _(", %(unknown)s not known") % {"unknown": words.duration(row.unknown_s)}
    return {
        "sure": round(sure * unit, 1),
        "unsure": round(unsure * unit, 1),
        "required": round(row.required_s * unit, 1),
        "said": said,
    }


@register.inclusion_tag("week/company_bar.html")
def company_bar(row: Any) -> dict[str, Any]:
    """How much of the credited time was together, alone, not known."""
    parts = (row.together_s, row.alone_s, row.company_unknown_s)
    total = sum(parts)
    if not total:
        return {"total": 0, "said": _("no patrol time")}
    together, alone, unknown = (round(BAR * part / total, 1) for part in parts)
    said = _("together %(together)s, alone %(alone)s, not known %(unknown)s") % {
        "together": words.duration(row.together_s),
        "alone": words.duration(row.alone_s),
        "unknown": words.duration(row.company_unknown_s),
    }
    return {
        "total": total,
        "together": together,
        "alone": alone,
        "unknown": unknown,
        "alone_from": together,
        "unknown_from": round(together + alone, 1),
        "share": round(100 * row.together_s / total),
        "said": said,
    }


@register.inclusion_tag("week/day_dots.html")
def day_dots(days: Sequence[float], dates: Sequence[date]) -> dict[str, Any]:
    """Seven dots, Monday first; the fuller the dot, the more of that day was credited."""
    dots = []
    for i, (seconds, day) in enumerate(zip(days, dates, strict=False)):
        share = min(seconds / FULL_DAY_S, 1.0)
        dots.append(
            {
                "x": 7 + 14 * i,
                "r": round(1.5 + 4 * share**0.5, 1) if seconds else 0,
                "said": f"{date_format(day, 'D')} {words.duration(seconds)}",
            }
        )
    return {"dots": dots, "said": _(", ").join(str(dot["said"]) for dot in dots)}


@register.inclusion_tag("week/verdict_chip.html")
def verdict_chip(verdict: Any) -> dict[str, str]:
    """The verdict's shape and word; takes a Verdict, or the chip of a row."""
    if isinstance(verdict, dict):
        return verdict
    outcome = str(verdict.outcome)
    mark = MARKS.get(outcome, "?")
    return {"outcome": outcome, "mark": mark, "label": verdict.get_outcome_display()}


@register.inclusion_tag("week/visit_bar.html")
def visit_bar(row: Any) -> dict[str, Any]:
    """Visits made against those owed; a line shows how many are due so far in a running week."""
    said = _("%(made)d of %(required)d visits") % {"made": row.made, "required": row.required}
    return {
        "made": round(BAR * min(row.share, 1.0), 1),
        "due": round(BAR * row.due_share, 1),
        "said": said,
    }


@register.inclusion_tag("week/day_marks.html")
def day_marks(marks: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Seven marks of a hotspot's days, Monday first."""
    return {"marks": marks}
