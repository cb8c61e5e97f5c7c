"""A squad's week as one HTML file that opens anywhere, without internet: a folium map with its
libraries inside.

Leaflet comes from the npm package that is served with the product; folium's own links to outside
servers are left out. The base map is the bureau's own streets.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import folium
from branca.element import Element, Figure
from django.conf import settings
from django.contrib.gis.geos import Polygon
from django.utils.formats import date_format
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from bureau.models import OrgUnit, User
from bureau.week import Week
from frontend import trails, words
from geo.models import RoadSegment
from patrols.evidence import evidence
from patrols.models import Outcome
from patrols.scorecard import WeekRow

LEAFLET = Path(settings.BASE_DIR) / "frontend" / "node_modules" / "leaflet" / "dist"
# Streets this far round the tracks are drawn, and no more of them than a browser likes.
MARGIN_DEG = 0.004
MOST_STREETS = 20_000
# The colours of tokens.css; the file stands alone.
COLOURS = {
    "moving": "#009e73",
    "short_stop": "#009e73",
    "long_stop": "#009e73",
    "gap_credited": "#8a8f98",
    "parked": "#56b4e9",
    "off_beat": "#cc79a7",
    "suspect": "#d55e00",
    "gap_unknown": "#8a8f98",
    "no_signal": "#8a8f98",
}
DASHED = frozenset({"gap_credited", "gap_unknown", "no_signal"})


class OfflineMap(folium.Map):
    """A folium map that links to nothing: its libraries are put into the page."""

    default_js: list[tuple[str, str]] = []
    default_css: list[tuple[str, str]] = []


@dataclass(frozen=True)
class PersonWeek:
    """What the file shows of one person."""

    row: WeekRow
    trail: trails.Trail


def person_weeks(
    rows: Iterable[WeekRow], *, user: User, purpose: str, zone: str
) -> list[PersonWeek]:
    """The opened tracks of judged people; each look is logged before anything is read."""
    found = []
    for row in rows:
        if row.verdict is not None:
            opened = evidence(row.verdict, user=user, purpose=purpose)
            found.append(PersonWeek(row, trails.build(opened, purpose=purpose, zone=zone)))
    return found


def squads_week(
    people: Sequence[PersonWeek],
    *,
    unit: OrgUnit,
    week: Week,
    by: User,
    purpose: str,
    now: datetime,
) -> str:
    """The file's HTML."""
    features = [f for one in people for f in one.trail.script["track"]["features"]]
    bounds = bounds_of(features)
    drawn = OfflineMap(
        tiles=None,
        control_scale=True,
        prefer_canvas=True,
        attributionControl=False,
        zoom_control="topright",
    )
    figure = drawn.get_root()
    assert isinstance(figure, Figure)  # noqa: S101 (what folium makes around every map)
    figure.header.add_child(Element(f"<style>{leaflet_css()}</style>"), name="leaflet_css")
    figure.header.add_child(Element(f"<script>{leaflet_js()}</script>"), name="leaflet_js")
    figure.header.add_child(Element(f"<style>{STYLE}</style>"), name="style")
    title = escape(_("%(unit)s, week of %(monday)s") % {"unit": unit, "monday": week.monday})
    figure.header.add_child(Element(f"<title>{title}</title>"), name="title")
    if bounds:
        add_streets(drawn, unit, bounds)
        corners = [[bounds[1], bounds[0]], [bounds[3], bounds[2]]]
        drawn.fit_bounds(corners, padding_top_left=(390, 20), padding_bottom_right=(20, 20))
    for one in people:
        add_person(drawn, one)
    folium.LayerControl(collapsed=False, position="bottomright").add_to(drawn)
    heading = page_heading(people, unit=unit, week=week, by=by, purpose=purpose, now=now)
    figure.html.add_child(Element(heading), name="heading")
    return str(figure.render())


def add_streets(drawn: folium.Map, unit: OrgUnit, bounds: tuple[float, ...]) -> None:
    """The bureau's streets as the base."""
    west, south, east, north = bounds
    box = (west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG)
    rows = RoadSegment.objects.filter(
        bureau=unit.bureau_id, retired_at=None, geometry__bboverlaps=Polygon.from_bbox(box)
    ).values_list("name", "name_en", "geometry")[:MOST_STREETS]
    chinese = (get_language() or "").startswith("zh")
    features = [
        {
            "type": "Feature",
            "properties": {"name": escape((name or name_en) if chinese else (name_en or name))},
            "geometry": {
                "type": "LineString",
                "coordinates": [[round(x, 6), round(y, 6)] for x, y in line.coords],
            },
        }
        for name, name_en, line in rows
    ]
    if features:
        folium.GeoJson(
            {"type": "FeatureCollection", "features": features},
            name=escape(_("Streets")),
            control=False,
            style_function=lambda _feature: {"color": "#c3cad1", "weight": 4},
            tooltip=folium.GeoJsonTooltip(["name"], labels=False, sticky=True),
        ).add_to(drawn)


def add_person(drawn: folium.Map, one: PersonWeek) -> None:
    """One person's tracks as a layer that can be switched."""
    person = one.row.person
    spans = one.trail.script["spans"]
    features = [
        {
            "type": "Feature",
            "properties": {
                "reason": feature["properties"]["reason"],
                "said": escape(f"{person.name}: {spans[feature['properties']['span']]['said']}"),
            },
            "geometry": feature["geometry"],
        }
        for feature in one.trail.script["track"]["features"]
    ]
    name = escape(f"{person.name} ({person.badge_no})")
    layer = folium.FeatureGroup(name=name, show=True)
    if features:
        folium.GeoJson(
            {"type": "FeatureCollection", "features": features},
            style_function=style_of,
            marker=folium.CircleMarker(
                radius=6, weight=2, color="#151c23", fill=True, fill_opacity=1
            ),
            tooltip=folium.GeoJsonTooltip(["said"], labels=False, sticky=True),
        ).add_to(layer)
    layer.add_to(drawn)


def style_of(feature: dict[str, Any]) -> dict[str, Any]:
    """Colour and dash of a stretch; a stay is a filled circle."""
    reason = feature["properties"]["reason"]
    colour = COLOURS.get(reason, "#8a8f98")
    if feature["geometry"]["type"] == "Point":
        return {"fillColor": colour, "color": "#151c23"}
    style: dict[str, Any] = {"color": colour, "weight": 4, "opacity": 0.9}
    if reason in DASHED:
        style["dashArray"] = "4 6"
    return style


def bounds_of(features: Iterable[dict[str, Any]]) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the features; None if there are none."""
    places = [
        place
        for feature in features
        for place in (
            [feature["geometry"]["coordinates"]]
            if feature["geometry"]["type"] == "Point"
            else feature["geometry"]["coordinates"]
        )
    ]
    if not places:
        return None
    lons, lats = [place[0] for place in places], [place[1] for place in places]
    return min(lons), min(lats), max(lons), max(lats)


def page_heading(
    people: Sequence[PersonWeek],
    *,
    unit: OrgUnit,
    week: Week,
    by: User,
    purpose: str,
    now: datetime,
) -> str:
    """The panel above the map: whose week, what the colours mean, who made the file and why."""
    lines = "".join(
        f"<tr><td>{escape(one.row.person.badge_no)}</td><td>{escape(one.row.person.name)}</td>"
        f"<td>{escape(words.duration(one.row.credited_s))}</td>"
        f"<td>{escape(verdict_words(one.row))}</td></tr>"
        for one in people
    )
    legend = "".join(
        f'<span><i class="k k-{reason}"></i>{escape(words.say(words.SPAN_REASONS, reason))}</span>'
        for reason in ("moving", "parked", "off_beat", "no_signal")
    )
    made = _("Made by %(who)s on %(when)s for: %(purpose)s") % {
        "who": by,
        "when": date_format(now, "Y-m-d H:i"),
        "purpose": purpose,
    }
    nobody = "" if people else f"<p>{escape(_('No verdict, so no track, in this week.'))}</p>"
    days = "{} – {}".format(
        date_format(week.days[0], pgettext("start of a week", "j M")),
        date_format(week.days[6], pgettext("end of a week", "j M Y")),
    )
    keep = _("Personal data: keep it as the bureau's rules say, and pass it to nobody else.")
    return (
        f'<details class="sheet" open><summary><b>{escape(unit.name)}</b> · '
        f"{escape(days)}</summary>"
        f"<p>{escape(made)}<br>{escape(keep)}</p><p class='legend'>{legend}</p>{nobody}"
        f"<table>{lines}</table></details>"
    )


def verdict_words(row: WeekRow) -> str:
    """The verdict that counts, or that the week runs."""
    if "week_not_over" in row.reasons and row.outcome == Outcome.CANNOT_JUDGE:
        return _("week runs")
    return str(Outcome(row.outcome).label) if row.outcome else ""


@cache
def leaflet_js() -> str:
    """Leaflet's script, without links: its credit and its source map."""
    script = (LEAFLET / "leaflet.js").read_text(encoding="utf-8")
    script = re.sub(r"//# sourceMappingURL=.*", "", script)
    script = script.replace("https://leafletjs.com", "#")
    return script.replace("</script", "<\\/script")


@cache
def leaflet_css() -> str:
    """Leaflet's stylesheet with its images inside."""
    css = (LEAFLET / "leaflet.css").read_text(encoding="utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)

    def inside(match: re.Match[str]) -> str:
        image = LEAFLET / match.group(1)
        data = base64.b64encode(image.read_bytes()).decode()
        return f"url(data:image/png;base64,{data})"

    return re.sub(r"url\((images/[\w.-]+)\)", inside, css)


STYLE = """
html, body { margin: 0; height: 100%; font: 13px/1.45 system-ui, "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; color: #151c23; }
.folium-map { position: absolute; inset: 0; width: 100%; height: 100%; background: #f3f4f2; }
.sheet { position: absolute; z-index: 1000; left: 12px; top: 12px; max-width: 340px;
  max-height: calc(100% - 24px); overflow: auto; padding: 10px 14px; background: #fff;
  border: 1px solid #868f99; border-radius: 6px; font-variant-numeric: tabular-nums; }
.sheet summary { cursor: pointer; font-size: 15px; }
.sheet table { border-collapse: collapse; width: 100%; }
.sheet td:nth-child(n + 3) { white-space: nowrap; }
.sheet td { padding: 3px 6px 3px 0; border-top: 1px solid #d8dde2; }
.legend span { display: inline-flex; align-items: center; gap: 5px; margin-right: 12px; }
.k { width: 18px; height: 4px; border-radius: 2px; background: #009e73; }
.k-parked { background: #56b4e9; height: 10px; width: 10px; border-radius: 5px; }
.k-off_beat { background: #cc79a7; }
.k-no_signal { background: repeating-linear-gradient(90deg, #8a8f98 0 4px, transparent 4px 8px); }
.leaflet-control-layers-list { max-height: 50vh; overflow: auto; }
"""
