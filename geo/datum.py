"""Map datums of China: GCJ-02 and BD-09 to and from WGS-84, and the check of a declared datum.

Tandem stores WGS-84 only. A file or a phone declares its datum; this file converts at that edge
and nowhere else. The formulas are applied where they are asked for: there is no box "outside
China" here, because the usual box shifts Hong Kong, Seoul and Hanoi by hundreds of metres.

The GCJ-02 polynomial and its constants (Krasovsky 1940 ellipsoid) and the BD-09 rotation are the
ones published in many open converters; tests/geo/test_datum.py holds their published vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from bureau.sentences import Sentence, gettext_noop
from geo.plane import Plane

KRASOVSKY_A_M: Final = 6378245.0
KRASOVSKY_EE: Final = 0.00669342162296594323
BD_PI: Final = np.pi * 3000.0 / 180.0
INVERSE_STEPS: Final = 30
INVERSE_DONE_DEG: Final = 1e-11  # about a micrometre

CHECK_LEAST_POINTS: Final = 30
CHECK_NEAR_ENOUGH_M: Final = 20.0
CHECK_BETTER_BY: Final = 2.0
CHECK_FAR_M: Final = 300.0  # over any datum's shift: another place, or streets not yet imported
CHECK_MOST_POINTS: Final = 2000  # a median needs no more; keeps the check under a second


class Datum(StrEnum):
    """The datum that a file or a phone declares."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"

    @property
    def label(self) -> str:
        """Its name as people write it."""
        return {"wgs84": "WGS-84", "gcj02": "GCJ-02", "bd09": "BD-09"}[self.value]


def _gcj02_shift(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees that GCJ-02 adds to WGS-84 positions (n, 2)."""
    x, y = lonlat[:, 0] - 105.0, lonlat[:, 1] - 35.0
    root = np.sqrt(np.abs(x))
    common = 20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)
    north_m = (
        -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
        + 2.0 / 3.0 * (
            common
            + 20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)
            + 160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y / 30.0 * np.pi)
        )
    )  # fmt: skip
    east_m = (
        300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
        + 2.0 / 3.0 * (
            common
            + 20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)
            + 150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)
        )
    )  # fmt: skip
    latitude = np.radians(lonlat[:, 1])
    w2 = 1.0 - KRASOVSKY_EE * np.sin(latitude) ** 2
    meridian_m = KRASOVSKY_A_M * (1.0 - KRASOVSKY_EE) / (w2 * np.sqrt(w2))
    parallel_m = KRASOVSKY_A_M / np.sqrt(w2) * np.cos(latitude)
    return np.degrees(np.column_stack((east_m / parallel_m, north_m / meridian_m)))


def wgs84_to_gcj02(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """GCJ-02 of WGS-84 positions; both (n, 2) degrees, lon then lat."""
    return lonlat + _gcj02_shift(lonlat)


def gcj02_to_wgs84(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """WGS-84 of GCJ-02 positions, by iteration on the forward formula (exact to a micrometre).

    The common one-pass inverse errs by up to 4 m, which is a pavement's width.
    """
    guess = lonlat - _gcj02_shift(lonlat)
    for _ in range(INVERSE_STEPS):
        off = lonlat - wgs84_to_gcj02(guess)
        guess = guess + off
        if off.size == 0 or np.nanmax(np.abs(off)) < INVERSE_DONE_DEG:
            break
    return guess


def gcj02_to_bd09(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """BD-09 of GCJ-02 positions; both (n, 2) degrees, lon then lat."""
    x, y = lonlat[:, 0], lonlat[:, 1]
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * BD_PI)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * BD_PI)
    return np.column_stack((radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006))


def bd09_to_gcj02(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """GCJ-02 of BD-09 positions, by iteration on the forward formula."""
    guess = lonlat - (gcj02_to_bd09(lonlat) - lonlat)
    for _ in range(INVERSE_STEPS):
        off = lonlat - gcj02_to_bd09(guess)
        guess = guess + off
        if off.size == 0 or np.nanmax(np.abs(off)) < INVERSE_DONE_DEG:
            break
    return guess


def to_wgs84(lonlat: NDArray[np.float64], datum: Datum) -> NDArray[np.float64]:
    """WGS-84 of positions (n, 2) given in `datum`."""
    if datum is Datum.GCJ02:
        return gcj02_to_wgs84(lonlat)
    if datum is Datum.BD09:
        return gcj02_to_wgs84(bd09_to_gcj02(lonlat))
    return lonlat


def from_wgs84(lonlat: NDArray[np.float64], datum: Datum) -> NDArray[np.float64]:
    """Positions (n, 2) of `datum` from WGS-84; for base maps that are drawn in it."""
    if datum is Datum.GCJ02:
        return wgs84_to_gcj02(lonlat)
    if datum is Datum.BD09:
        return gcj02_to_bd09(wgs84_to_gcj02(lonlat))
    return lonlat


def convert(geometry: shapely.Geometry, datum: Datum) -> shapely.Geometry:
    """A shapely geometry in `datum` as WGS-84, vertex by vertex (heights are dropped)."""
    if datum is Datum.WGS84:
        return shapely.force_2d(geometry)
    return shapely.transform(
        shapely.force_2d(geometry), lambda lonlat: to_wgs84(np.asarray(lonlat), datum)
    )


@dataclass(frozen=True, slots=True)
class DatumCheck:
    """What the distances to streets say about a declared datum.

    medians_m: median distance to the nearest street for each reading of the same numbers.
    better: the datum that fits clearly better than the declared one, or None.
    conclusive: False when there were too few points or no streets.
    """

    declared: Datum
    points: int
    medians_m: dict[Datum, float]
    better: Datum | None
    conclusive: bool

    def sentence(self) -> Sentence:
        """The result for the import report."""
        if not self.conclusive:
            if not self.medians_m:
                return Sentence(
                    "datum_no_streets",
                    gettext_noop(
                        "The datum could not be checked: no streets are imported yet to compare "
                        "with. It was taken as %(declared)s, as declared."
                    ),
                    {"declared": self.declared.label},
                )
            return Sentence(
                "datum_cannot_tell",
                gettext_noop(
                    "Cannot tell whether the datum is right: %(points)d points, at least "
                    "%(least)d are needed. It was taken as %(declared)s, as declared."
                ),
                {
                    "points": self.points,
                    "least": CHECK_LEAST_POINTS,
                    "declared": self.declared.label,
                },
            )
        declared_m = self.medians_m[self.declared]
        if self.better is not None:
            return Sentence(
                "datum_wrong",
                gettext_noop(
                    "The file looks like %(better)s, not %(declared)s: half of its points lie "
                    "within %(better_m).0f m of a street when read as %(better)s, and within "
                    "%(declared_m).0f m as declared. Import it again with --datum %(option)s."
                ),
                {
                    "better": self.better.label,
                    "declared": self.declared.label,
                    "better_m": self.medians_m[self.better],
                    "declared_m": declared_m,
                    "option": self.better.value,
                },
            )
        if declared_m > CHECK_FAR_M:
            return Sentence(
                "datum_far",
                gettext_noop(
                    "Half of the points lie more than %(declared_m).0f m from any imported "
                    "street, in every datum: is this file about another place?"
                ),
                {"declared_m": declared_m},
            )
        return Sentence(
            "datum_fits",
            gettext_noop(
                "Datum %(declared)s: half of the points lie within %(declared_m).0f m of a street, "
                "and no other datum fits clearly better."
            ),
            {"declared": self.declared.label, "declared_m": declared_m},
        )


def check_datum(
    lonlat: NDArray[np.float64], declared: Datum, streets: NDArray[np.object_]
) -> DatumCheck:
    """Compare points as declared and as each other datum with the streets (decisions.md 36).

    lonlat: (n, 2) degrees exactly as the file has them, not converted.
    streets: shapely lines in WGS-84.
    Another datum is named when it fits at least twice as well and the declared median is over
    20 m; with under 30 points, or no streets, the answer is "cannot tell".
    """
    lonlat = lonlat[np.isfinite(lonlat).all(axis=1)]
    points = len(lonlat)
    if len(streets) == 0 or points == 0:
        return DatumCheck(declared, points, {}, None, conclusive=False)
    if points > CHECK_MOST_POINTS:
        lonlat = lonlat[np.linspace(0, points - 1, CHECK_MOST_POINTS).astype(int)]
    west, south, east, north = shapely.total_bounds(streets)
    plane = Plane.around([west, east], [south, north])
    tree = shapely.STRtree(shapely.transform(streets, lambda c: _on_plane(np.asarray(c), plane)))
    medians_m: dict[Datum, float] = {}
    for datum in Datum:
        places = shapely.points(_on_plane(to_wgs84(lonlat, datum), plane))
        _, distance_m = tree.query_nearest(places, return_distance=True, all_matches=False)
        medians_m[datum] = float(np.median(distance_m))
    if points < CHECK_LEAST_POINTS:
        return DatumCheck(declared, points, medians_m, None, conclusive=False)
    best = min(medians_m, key=medians_m.__getitem__)
    wrong = (
        best is not declared
        and medians_m[declared] > CHECK_NEAR_ENOUGH_M
        and medians_m[best] * CHECK_BETTER_BY <= medians_m[declared]
    )
    return DatumCheck(declared, points, medians_m, best if wrong else None, conclusive=True)


def _on_plane(lonlat: NDArray[np.float64], plane: Plane) -> NDArray[np.float64]:
    return np.column_stack(plane.to_metres(lonlat[:, 0], lonlat[:, 1]))
