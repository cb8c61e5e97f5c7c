"""The examples and columns of docs/imports.md are what the imports take."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from bureau.calendar import import_notice
from bureau.holidays import read_notice
from geo.files.tables import plain
from geo.imports.places import (
    AREA_COLUMNS,
    HOTSPOT_COLUMNS,
    import_areas_file,
    import_hotspots_file,
)
from geo.imports.report import ImportReport
from geo.imports.roads import import_roads_file
from geo.streets.features import COLUMNS as STREET_COLUMNS
from patrols.people_import import COLUMNS as PEOPLE_COLUMNS
from patrols.people_import import import_people_file
from stations.imports import COLUMNS as STATION_COLUMNS
from stations.imports import import_stations_file
from tests import make

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "imports.md").read_text()


def part(command: str) -> str:
    """The section of a command."""
    (found,) = re.findall(
        rf"^## [^\n]*`{command}`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL
    )
    return str(found)


def example(command: str) -> str:
    """The last block of code in a command's section."""
    return str(re.findall(r"```(?:json)?\n(.*?)```", part(command), re.DOTALL)[-1])


@pytest.mark.django_db
def test_every_example_of_the_page_is_taken_whole(tmp_path: Path) -> None:
    bureau = make.bureau()
    top = make.unit(bureau, code="hd")
    make.unit(bureau, top, code="squad-1")

    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    street = '{"type": "FeatureCollection", "features": [' + example("import_roads") + "]}"
    reports: list[ImportReport] = [
        import_roads_file(bureau, written("r.geojson", street)),
        import_areas_file(bureau, written("a.csv", example("import_areas"))),
        import_stations_file(
            bureau, written("s.csv", example("import_stations")), today=date(2026, 3, 2)
        ),
        import_hotspots_file(bureau, written("h.csv", example("import_hotspots"))),
        import_people_file(bureau, written("p.csv", example("import_people"))),
    ]
    assert [(report.taken, report.refused) for report in reports] == [
        (1, []),
        (1, []),
        (1, []),
        (1, []),
        (2, []),
    ]
    notice = read_notice(example("import_calendar"))
    assert import_notice(bureau, notice).taken == 365


@pytest.mark.parametrize(
    ("command", "columns"),
    [
        ("import_roads", STREET_COLUMNS),
        ("import_areas", AREA_COLUMNS),
        ("import_stations", STATION_COLUMNS),
        ("import_hotspots", HOTSPOT_COLUMNS),
        ("import_people", PEOPLE_COLUMNS),
    ],
)
def test_the_columns_of_the_page_exist(command: str, columns: dict[str, tuple[str, ...]]) -> None:
    known = {plain(name) for field, names in columns.items() for name in (field, *names)}
    known |= {plain(name) for name in ("wkt", "lon", "lat", "x", "y", "经度", "纬度", "segments")}
    rows = re.findall(
        r"^\| (`[^|]*|geometry[^|]*|place) \| ([^|]*) \|", part(command), re.MULTILINE
    )
    named = {
        plain(name)
        for cells in rows
        if not cells[0].startswith("`--")
        for name in re.findall(r"`([^`]+)`", " ".join(cells))
    }
    assert named
    assert named <= known
