"""Evidence as a page draws it: lanes of a timeline, a track locked to it, and sentences.

Takes `patrols.evidence.Evidence`, which has been logged as a look when it was made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bureau.rules import Rules
from bureau.week import day_bounds
from frontend import words
from patrols.evidence import CompanyStretch, Evidence, EvidenceDay, EvidenceSpan

HOUR_S = 3600
PATTERNS = {
    "short_stop": "span-dots",
    "long_stop": "span-dots",
    "gap_credited": "span-hatch",
    "gap_unknown": "span-hatch",
    "no_signal": "span-hatch",
    "suspect": "span-hatch",
}
GAPS = frozenset({"gap_credited", "gap_unknown"})
# A dashed line across a gap is drawn only where the gap is short enough to say something.
LONGEST_GAP_DRAWN_S = 1800
# Happenings in words: what is not plain patrol, and plain patrol from this length on.
PLAIN_FROM_S = 60


@dataclass(frozen=True)
class Span:
    """One stretch of a lane; seconds after local midnight."""

    id: str
    day: date
    start_s: float
    end_s: float
    reason: str
    counted: bool
    said: str

    @property
    def width_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def pattern(self) -> str:
        return PATTERNS.get(self.reason, "")


@dataclass(frozen=True)
class CompanyPart:
    """A stretch of the thin strip below: together, alone, unknown."""

    start_s: float
    width_s: float
    company: str
    said: str


@dataclass(frozen=True)
class Lane:
    """One local day."""

    day: date
    credited_s: float
    spans: tuple[Span, ...]
    company: tuple[CompanyPart, ...]
    said: str


@dataclass(frozen=True)
class Trail:
    """What the page shows of an opened track. Times in seconds after midnight."""

    purpose: str
    from_s: int
    until_s: int
    lanes: tuple[Lane, ...]
    happenings: tuple[Span, ...]
    legend: tuple[dict[str, Any], ...]
    unused: tuple[tuple[str, int], ...]
    script: dict[str, Any] = field(default_factory=dict)

    @property
    def width_s(self) -> int:
        return self.until_s - self.from_s

    @property
    def script_json(self) -> str:
        """`script` for the page: text of a hidden element, because htmx drops script tags."""
        return json.dumps(self.script, ensure_ascii=False, separators=(",", ":"))

    @property
    def hours(self) -> list[dict[str, Any]]:
        """Where the hour lines stand, and their words; equal steps that fill the lane."""
        step = step_s(self.width_s)
        return [
            {"s": at, "label": f"{at // HOUR_S % 24:02d}"}
            for at in range(self.from_s, self.until_s, step)
        ]


def step_s(width_s: int) -> int:
    """An hour between the lines, two or four in a long day."""
    hours = width_s / HOUR_S
    return HOUR_S if hours <= 10 else 2 * HOUR_S if hours <= 20 else 4 * HOUR_S


def build(evidence: Evidence, *, purpose: str, zone: str) -> Trail:
    """The trail of an evidence for the page."""
    rules = Rules.of(evidence.verdict.rules)
    lanes = []
    for number, day in enumerate(evidence.days):
        if lane := _lane(day, number, rules, zone):
            lanes.append(lane)
    edges = [edge for lane in lanes for span in lane.spans for edge in (span.start_s, span.end_s)]
    from_s = int(min(edges, default=8 * HOUR_S) // HOUR_S) * HOUR_S
    until_s = -(-int(max(edges, default=18 * HOUR_S)) // HOUR_S) * HOUR_S
    step = step_s(until_s - from_s)
    until_s = from_s + -(-(until_s - from_s) // step) * step
    spans = [span for lane in lanes for span in lane.spans]
    seen = {span.reason for span in spans}
    unused: dict[str, int] = {}
    for day in evidence.days:
        for reason, count in (day.row.unused_fixes if day.row else {}).items():
            unused[reason] = unused.get(reason, 0) + count
    return Trail(
        purpose,
        from_s,
        until_s,
        tuple(lanes),
        tuple(s for s in spans if s.reason != "moving" or s.width_s >= PLAIN_FROM_S),
        tuple(
            {
                "reason": reason,
                "label": words.say(words.SPAN_REASONS, reason),
                "pattern": PATTERNS.get(reason, ""),
                "counted": reason in words.COUNTED,
            }
            for reason in words.SPAN_REASONS
            if reason in seen and not (reason == "no_signal" and "gap_unknown" in seen)
        ),
        tuple(sorted(unused.items(), key=lambda item: -item[1])),
        _script(spans, evidence.track, zone),
    )


def _lane(day: EvidenceDay, number: int, rules: Rules, zone: str) -> Lane | None:
    if not day.spans:
        return None
    midnight = day_bounds(day.day, zone)[0]
    spans = tuple(
        Span(
            f"{number}-{i}",
            day.day,
            (span.start - midnight).total_seconds(),
            (span.end - midnight).total_seconds(),
            span.reason,
            span.credited,
            sentence(span, day.company, rules, zone, near=beside(day.spans, i)),
        )
        for i, span in enumerate(day.spans)
    )
    company = tuple(
        CompanyPart(
            (part.start - midnight).total_seconds(),
            (part.end - part.start).total_seconds(),
            part.company,
            company_words(part, zone),
        )
        for part in day.company
    )
    credited_s = day.row.credited_s if day.row else 0.0
    said = _("%(day)s: %(time)s counted") % {
        "day": date_format(day.day, _("l j F")),
        "time": words.duration(credited_s),
    }
    return Lane(day.day, credited_s, spans, company, said)


STAYS = frozenset({"parked", "short_stop", "long_stop"})


def beside(spans: Sequence[EvidenceSpan], i: int) -> str:
    """The street walked just before or after a stay that was on none itself; "" if neither."""
    if spans[i].reason not in STAYS or street_of(spans[i]):
        return ""
    before = street_of(spans[i - 1]) if i else ""
    return before or (street_of(spans[i + 1]) if i + 1 < len(spans) else "")


def sentence(
    span: EvidenceSpan,
    company: Sequence[CompanyStretch],
    rules: Rules,
    zone: str,
    *,
    near: str = "",
) -> str:
    """`Tue 10:42 parked 14 min at Market St: not counted (stay of 10 min and more)`."""
    local = span.start.astimezone(ZoneInfo(zone))
    parts = {
        "when": f"{date_format(local, 'D')} {local:%H:%M}",
        "what": words.say(words.SPAN_REASONS, span.reason),
        "long": words.duration((span.end - span.start).total_seconds()),
        "why": why(span.reason, rules),
    }
    street = street_of(span)
    if street:
        said = _("%(when)s %(what)s %(long)s at %(street)s: %(why)s") % {**parts, "street": street}
    elif near:
        said = _("%(when)s %(what)s %(long)s near %(street)s: %(why)s") % {**parts, "street": near}
    else:
        said = _("%(when)s %(what)s %(long)s: %(why)s") % parts
    partners = partners_during(span, company)
    if span.credited and partners:
        said += " · " + _("with %(names)s") % {"names": _(", ").join(partners)}
    elif span.credited and is_alone(span, company):
        said += " · " + _("alone")
    return said


def why(reason: str, rules: Rules) -> str:
    """Whether a stretch counts, and the rule that says so."""
    parked = words.duration(rules.parked_after_s)
    match reason:
        case "moving":
            return _("counted")
        case "short_stop" | "long_stop":
            return _("counted (stops shorter than %(limit)s are patrol)") % {"limit": parked}
        case "gap_credited":
            limit = words.duration(rules.max_gap_s)
            return _("counted (up to %(limit)s that could be walked)") % {"limit": limit}
        case "parked":
            return _("not counted (stay of %(limit)s and more)") % {"limit": parked}
        case "off_beat":
            return _("not counted (not on the streets of the own unit)")
        case "suspect":
            return _("not known (the phone says that the place was set by hand)")
        case _:
            return _("not known, held against nobody")


def street_of(span: EvidenceSpan) -> str:
    """The street's name in the reader's language, if it has one."""
    if (get_language() or "").startswith("zh"):
        return span.segment_name or span.segment_name_en
    return span.segment_name_en or span.segment_name


def partners_during(span: EvidenceSpan, company: Sequence[CompanyStretch]) -> list[str]:
    """Who was together with the person for at least half of the stretch."""
    half = (span.end - span.start).total_seconds() / 2
    time_with: dict[str, float] = {}
    for part in company:
        shared = shared_s(span, part)
        if part.company == "together" and shared > 0:
            for name in part.partner_names:
                time_with[name] = time_with.get(name, 0.0) + shared
    return [name for name, seconds in time_with.items() if name and seconds >= half]


def is_alone(span: EvidenceSpan, company: Sequence[CompanyStretch]) -> bool:
    """Whether the person was alone for at least half of the stretch."""
    half = (span.end - span.start).total_seconds() / 2
    return sum(shared_s(span, part) for part in company if part.company == "alone") >= half > 0


def shared_s(span: EvidenceSpan, part: CompanyStretch) -> float:
    """Seconds in both."""
    return max(0.0, (min(span.end, part.end) - max(span.start, part.start)).total_seconds())


def company_words(part: CompanyStretch, zone: str) -> str:
    """`10:42 together with 李娜, 14 min`."""
    local = part.start.astimezone(ZoneInfo(zone))
    long = words.duration((part.end - part.start).total_seconds())
    if part.company == "together":
        names = _(", ").join(part.partner_names)
        return _("%(when)s together with %(names)s, %(long)s") % {
            "when": f"{local:%H:%M}",
            "names": names,
            "long": long,
        }
    what = _("alone") if part.company == "alone" else _("company not known")
    return f"{local:%H:%M} {what}, {long}"


def _script(spans: list[Span], track: dict[str, Any], zone: str) -> dict[str, Any]:
    """What trail.js needs: the spans by id and the track with times of the local day."""
    by_start = {(span.day, round(span.start_s)): span for span in spans}
    features: list[dict[str, Any]] = []
    ends: dict[str, tuple[list[float], list[float]]] = {}
    for feature in track.get("features", []):
        given = feature["properties"]
        day = date.fromisoformat(given["day"])
        midnight_s = day_bounds(day, zone)[0].timestamp()
        start_s = datetime.fromisoformat(given["start"]).timestamp() - midnight_s
        span = by_start.get((day, round(start_s)))
        if span is None:
            continue
        places = feature["geometry"]["coordinates"]
        ends[span.id] = (places[0], places[-1])
        times = [round(at - midnight_s) for at in given["times"]]
        geometry = feature["geometry"]
        properties = {"day": given["day"], "reason": span.reason, "span": span.id}
        if span.reason == "parked":
            geometry = {"type": "Point", "coordinates": middle_of(places)}
        else:
            properties["times"] = times
        features.append({"type": "Feature", "properties": properties, "geometry": geometry})
    features += _gaps(spans, ends)
    return {
        "spans": {
            span.id: {
                "day": span.day.isoformat(),
                "start_s": span.start_s,
                "end_s": span.end_s,
                "reason": span.reason,
                "said": span.said,
            }
            for span in spans
        },
        "track": {"type": "FeatureCollection", "features": features},
    }


def _gaps(
    spans: list[Span], ends: dict[str, tuple[list[float], list[float]]]
) -> list[dict[str, Any]]:
    """A dashed line across each short gap: from where the person was last seen to where next."""
    found = []
    for before, gap, after in zip(spans, spans[1:], spans[2:], strict=False):
        if gap.reason not in GAPS or gap.id in ends or gap.width_s > LONGEST_GAP_DRAWN_S:
            continue
        if before.day != gap.day or after.day != gap.day:
            continue
        if before.id not in ends or after.id not in ends:
            continue
        found.append(
            {
                "type": "Feature",
                "properties": {
                    "day": gap.day.isoformat(),
                    "reason": gap.reason,
                    "span": gap.id,
                    "times": [gap.start_s, gap.end_s],
                },
                "geometry": {
                    "type": "LineString",
                    "coordinates": [ends[before.id][1], ends[after.id][0]],
                },
            }
        )
    return found


def middle_of(places: list[list[float]]) -> list[float]:
    """The mean place of a stay (tens of metres: the mean of degrees is exact enough)."""
    n = len(places)
    return [round(sum(p[0] for p in places) / n, 6), round(sum(p[1] for p in places) / n, 6)]
