"""A town for import tests: a grid of streets 150 m apart in Beijing, 6 by 6."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from bureau.models import Bureau, OrgUnit, UnitKind
from geo.imports.report import ImportReport, silent
from geo.imports.roads import StreetOptions
from geo.models import Area, AreaKind
from geo.plane import Plane
from geo.streets.blocks import Line, Place, build
from geo.streets.rows import write_segments
from tests import make

PLANE = Plane(116.40, 39.92)
STEP_M = 150.0
SIDE = 6
LAST_M = (SIDE - 1) * STEP_M


def at(x_m: float, y_m: float) -> Place:
    """Lon, lat of metres east and north of the south-west crossing."""
    lon, lat = PLANE.to_degrees(x_m, y_m)
    return (round(float(lon), 7), round(float(lat), 7))


def grid() -> tuple[dict[int, Place], list[Line]]:
    """Nodes 100·row + column + 1, east-west streets 0 … 5 and north-south streets A … F."""
    nodes = {
        100 * row + column + 1: at(column * STEP_M, row * STEP_M)
        for row in range(SIDE)
        for column in range(SIDE)
    }
    lines = [
        Line(
            f"way {row}",
            tuple(100 * row + column + 1 for column in range(SIDE)),
            "residential",
            name=f"{row}路",
        )
        for row in range(SIDE)
    ] + [
        Line(
            f"way {100 + column}",
            tuple(100 * row + column + 1 for row in range(SIDE)),
            "residential",
            name=f"{'ABCDEF'[column]} Street",
        )
        for column in range(SIDE)
    ]
    return nodes, lines


def bureau() -> Bureau:
    """A bureau with a top unit `top` and squads `east` and `west`; no streets."""
    made = make.bureau()
    top = make.unit(made, code="top")
    make.unit(made, top, code="east")
    make.unit(made, top, code="west")
    return made


def with_streets() -> Bureau:
    """The bureau and the grid as its streets (60 segments less the corners' joins: 56)."""
    made = bureau()
    nodes, lines = grid()
    write_segments(
        made,
        build(lines, nodes).segments,
        "test",
        others=StreetOptions().others,
        report=ImportReport("roads", "test"),
        progress=silent,
    )
    return made


def with_jurisdiction() -> Bureau:
    """The bureau, its streets, and a jurisdiction 200 m around them."""
    made = with_streets()
    top = OrgUnit.objects.get(bureau=made, kind=UnitKind.BUREAU)
    make.area(
        top,
        [
            at(-200, -200),
            at(LAST_M + 200, -200),
            at(LAST_M + 200, LAST_M + 200),
            at(-200, LAST_M + 200),
        ],
        AreaKind.JURISDICTION,
        code="J",
    )
    assert Area.objects.filter(bureau=made).count() == 1
    return made


def square(x_m: float, y_m: float, side_m: float) -> shapely.Polygon:
    """A square with its south-west corner there."""
    corners = [(0, 0), (side_m, 0), (side_m, side_m), (0, side_m)]
    return shapely.Polygon([at(x_m + dx, y_m + dy) for dx, dy in corners])


def along_streets(count: int) -> NDArray[np.float64]:
    """Points (count, 2) on north-south streets, a few metres off."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, SIDE, count) * STEP_M + rng.normal(0, 3, count)
    return np.column_stack(PLANE.to_degrees(x, rng.uniform(0, LAST_M, count)))
