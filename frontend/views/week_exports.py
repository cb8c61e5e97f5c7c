"""The week on paper and in files: bulletin, CSV, tracks on an offline map. Each is logged."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from frontend import reports
from frontend.pages import opens
from frontend.purposes import read_purpose
from frontend.views.week import frame_context
from frontend.week_list import is_running, shown_row, squad_said
from frontend.week_place import Place, place_of
from patrols.access import log_look, may_open_trail
from patrols.models import Outcome
from patrols.scorecard import SquadRow, WeekRow, squad_rows, week_rows

# A spreadsheet takes a cell that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe; numbers stay."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value


def minutes(seconds: float) -> float:
    """Minutes with one decimal."""
    return round(seconds / 60, 1)


def moment(at: datetime | None) -> str:
    """Local time, ISO."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def attachment(body: str | bytes, *, name: str, content_type: str) -> HttpResponse:
    """A file to keep, never opened in the page's own origin."""
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def csv_file(columns: list[str], lines: Iterable[list[Any]], *, name: str) -> HttpResponse:
    """A table as CSV, UTF-8 with a mark so that spreadsheets read Chinese names, no formulas."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([safe_cell(cell) for cell in line] for line in lines)
    return attachment("\ufeff" + text.getvalue(), name=name, content_type="text/csv; charset=utf-8")


def file_name(place: Place, ending: str) -> str:
    """`tandem-squad-1-2026-11-16.csv`: codes are Latin letters, digits and hyphens."""
    return f"tandem-{place.unit.code}-{place.week.monday.isoformat()}.{ending}"


COLUMNS = [
    *("week", "unit", "badge_no", "name", "category", "verdict"),
    *("credited_min", "required_min", "not_known_min", "band_min"),
    *("together_min", "alone_min", "company_not_known_min"),
    *("mon_min", "tue_min", "wed_min", "thu_min", "fri_min", "sat_min", "sun_min"),
    *("reasons", "review", "rule_set", "data_through", "judged_at"),
]


def csv_rows(rows: Iterable[WeekRow], place: Place) -> Iterable[list[Any]]:
    """The figures of the table, a line a person. Codes in English: other programs read it."""
    for row in rows:
        verdict = row.verdict
        yield [
            place.week.monday.isoformat(),
            row.unit.name,
            row.person.badge_no,
            row.person.name,
            row.person.category,
            ("running" if is_running(row) else str(row.outcome)) if verdict else "",
            *(
                minutes(value)
                for value in (
                    row.credited_s,
                    row.required_s,
                    row.unknown_s,
                    row.band_s,
                    row.together_s,
                    row.alone_s,
                    row.company_unknown_s,
                    *row.days,
                )
            ),
            " ".join(row.reasons),
            row.last_review.decision if row.last_review else "",
            (verdict.rule_set_id or "default") if verdict else "",
            moment(row.data_through),
            moment(verdict.judged_at) if verdict else "",
        ]


def log_export(place: Place, rows: Iterable[WeekRow], purpose: str) -> None:
    """Each person whose figures leave the system can read that they did."""
    for row in rows:
        log_look(
            place.user,
            row.person,
            purpose=purpose,
            from_at=place.week.start,
            until_at=place.week.end,
        )


@require_GET
@opens("week")
def week_csv(request: HttpRequest) -> HttpResponseBase:
    """The week's figures as CSV."""
    place = place_of(request)
    rows = week_rows(place.bureau, place.week, place.units)
    log_export(place, rows, _("Export of the week's figures (CSV)"))
    return csv_file(COLUMNS, csv_rows(rows, place), name=file_name(place, "csv"))


SQUAD_COLUMNS = [
    *("week", "unit", "people", "judged", "median_officer_min", "share_met"),
    *("met", "not_met", "borderline", "cannot_judge", "exempt"),
    *("patrol_min", "squad_verdict"),
    *(f"{day}_patrol_min" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
]


def squad_lines(squads: Iterable[SquadRow], place: Place) -> Iterable[list[Any]]:
    """A line a squad. Officer-minutes come as a median, patrol-minutes count time once."""
    for squad in squads:
        median_s = squad.median_credited_s
        yield [
            place.week.monday.isoformat(),
            squad.unit.name,
            squad.people,
            squad.judged,
            "" if median_s is None else minutes(median_s),
            "" if squad.share_met is None else round(squad.share_met, 3),
            *(squad.outcomes.get(str(outcome), 0) for outcome in Outcome),
            minutes(squad.patrol_s),
            squad.squad_outcome,
            *(minutes(seconds) for seconds in squad.patrol_days),
        ]


@require_GET
@opens("week")
def squads_csv(request: HttpRequest) -> HttpResponseBase:
    """The squads' figures as CSV; no person's are in it."""
    place = place_of(request)
    squads = squad_rows(place.bureau, place.week, place.units)
    lines = squad_lines(squads, place)
    return csv_file(SQUAD_COLUMNS, lines, name=file_name(place, "squads.csv"))


@require_GET
@opens("week")
def bulletin(request: HttpRequest) -> HttpResponseBase:
    """The week on paper: squads with their people by badge number, which ranks nobody."""
    place = place_of(request)
    rows = week_rows(place.bureau, place.week, place.units)
    by_badge = sorted(rows, key=lambda row: row.person.badge_no)
    squads = [
        {
            "unit": squad.unit,
            "said": squad_said(squad),
            "rows": [shown_row(row) for row in by_badge if row.unit == squad.unit],
        }
        for squad in squad_rows(place.bureau, place.week, place.units, rows=rows)
    ]
    through = max((row.data_through for row in rows if row.data_through), default=None)
    context = frame_context(place) | {
        "squads": squads,
        "data_through": through,
        "now": timezone.now(),
        "running": any("week_not_over" in row.reasons for row in rows),
        "rule_sets": sorted({row.verdict.rule_set_id or 0 for row in rows if row.verdict}),
    }
    return render(request, "week/bulletin.html", context)


@require_POST
@opens("week")
def week_map(request: HttpRequest) -> HttpResponseBase:
    """The tracks of the unit's week as one HTML file that opens without internet."""
    place = place_of(request)
    purpose = read_purpose(request)
    logged = _("Tracks on a map, one file: %(purpose)s") % {"purpose": purpose}
    seen = week_rows(place.bureau, place.week, place.units)
    rows = [
        row
        for row in sorted(seen, key=lambda row: row.person.badge_no)
        if may_open_trail(place.user, row.person)
    ]
    people = reports.person_weeks(
        rows, user=place.user, purpose=logged, zone=place.bureau.time_zone
    )
    html = reports.squads_week(
        people,
        unit=place.unit,
        week=place.week,
        by=place.user,
        purpose=purpose,
        now=timezone.localtime(),
    )
    return attachment(html, name=file_name(place, "html"), content_type="text/html; charset=utf-8")
