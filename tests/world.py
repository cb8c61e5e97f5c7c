"""A tiny town with answers known by hand.

Five streets west–east (A … E, south to north) and five south–north (1 … 5, west to east), 100 m
apart, round the point 120° E, 30° N: 40 blocks of 100 m. Squad West owns the western half
(streets 1–3), squad East the rest. The crossing of street C and street 3 is the origin.

One degree of latitude there is 110,852.4 m and one of longitude 96,486.3 m (WGS-84 ellipsoid at
30° N: M = 6,351,377 m, N·cos φ = 5,528,257 m, times π/180).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bureau.models import Bureau, OrgUnit, Role, UnitKind, User
from geo.models import Area, AreaKind, RoadSegment
from tests import make

ORIGIN = (120.0, 30.0)
METRES_A_DEGREE_LON = 96_486.3
METRES_A_DEGREE_LAT = 110_852.4
BLOCK_M = 100.0


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """lon, lat in degrees of a place so many metres east and north of the origin."""
    return (
        round(ORIGIN[0] + east_m / METRES_A_DEGREE_LON, 7),
        round(ORIGIN[1] + north_m / METRES_A_DEGREE_LAT, 7),
    )


def rectangle(
    west_m: float, south_m: float, east_m: float, north_m: float
) -> list[tuple[float, float]]:
    """The corners of a rectangle in metres from the origin, as lon, lat."""
    return [
        place(west_m, south_m),
        place(east_m, south_m),
        place(east_m, north_m),
        place(west_m, north_m),
    ]


@dataclass
class Town:
    """The town's records by name."""

    bureau: Bureau
    top: OrgUnit
    brigade: OrgUnit
    west: OrgUnit
    east: OrgUnit
    jurisdiction: Area
    west_beat: Area
    east_beat: Area
    dispatcher: User
    supervisor: User
    planner: User
    administrator: User
    # "C3-C4": street C from street 3 to street 4; "C3-D3": street 3 from street C to street D
    blocks: dict[str, RoadSegment] = field(default_factory=dict)


def build_town(code: str = "town") -> Town:
    """Write the town to the database (inside a test's transaction)."""
    bureau = make.bureau(code=code, name="Town bureau")
    top = make.unit(bureau, code="top", name="Town bureau")
    brigade = make.unit(bureau, top, kind=UnitKind.BRIGADE, code="brigade", name="Brigade 1")
    west = make.unit(bureau, brigade, code="west", name="Squad West")
    east = make.unit(bureau, brigade, code="east", name="Squad East")
    town = Town(
        bureau=bureau,
        top=top,
        brigade=brigade,
        west=west,
        east=east,
        jurisdiction=make.area(
            top, rectangle(-400, -400, 400, 400), AreaKind.JURISDICTION, code="town"
        ),
        west_beat=make.area(west, rectangle(-400, -400, 50, 400), code="west"),
        east_beat=make.area(east, rectangle(50, -400, 400, 400), code="east"),
        dispatcher=make.user(Role.DISPATCHER, top, username=f"{code}-dispatcher"),
        supervisor=make.user(Role.SUPERVISOR, top, username=f"{code}-supervisor"),
        planner=make.user(Role.PLANNER, top, username=f"{code}-planner"),
        administrator=make.user(Role.ADMINISTRATOR, top, username=f"{code}-administrator"),
    )
    steps = [-2, -1, 0, 1, 2]
    for row, letter in enumerate("ABCDE"):
        for column in range(1, 6):
            here = place(steps[column - 1] * BLOCK_M, steps[row] * BLOCK_M)
            if column < 5:
                east_end = place(steps[column] * BLOCK_M, steps[row] * BLOCK_M)
                town.blocks[f"{letter}{column}-{letter}{column + 1}"] = make.segment(
                    bureau, here, east_end, length_m=BLOCK_M, name=f"{letter} Street"
                )
            if row < 4:
                north_end = place(steps[column - 1] * BLOCK_M, steps[row + 1] * BLOCK_M)
                town.blocks[f"{letter}{column}-{'ABCDE'[row + 1]}{column}"] = make.segment(
                    bureau, here, north_end, length_m=BLOCK_M, name=f"{column} Street"
                )
    return town
