"""A local plane in metres around one origin.

Rules are in metres, storage is in degrees, so every computation crosses this file once each way.
The projection is azimuthal equidistant, made from the exact WGS-84 earth-centred position of each
point: distances within 20 km of the origin are right to about 2 parts in a million.
"""

from dataclasses import dataclass
from math import cos, isfinite, radians, sin, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

# WGS-84 defining constants (NIMA TR8350.2, 3rd edition, table 3.1).
SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
ECCENTRICITY_2 = FLATTENING * (2 - FLATTENING)


@dataclass(frozen=True, slots=True)
class Plane:
    """East and north metres around (`lon_deg`, `lat_deg`); good to about 100 km from there."""

    lon_deg: float
    lat_deg: float

    def __post_init__(self) -> None:
        if not (isfinite(self.lon_deg) and isfinite(self.lat_deg) and abs(self.lat_deg) <= 90):
            raise ValueError(f"not a place on earth: {self.lon_deg}, {self.lat_deg}")

    @classmethod
    def around(cls, lon_deg: ArrayLike, lat_deg: ArrayLike) -> "Plane":
        """The plane whose origin is the middle of some points (shape (n,), degrees, n ≥ 1).

        The origin is rounded to 0.01 degree, so that a few more points do not move it, and
        longitudes are taken around the first point, so that a city on the 180th meridian works.
        """
        lon = np.asarray(lon_deg, dtype=np.float64)
        lat = np.asarray(lat_deg, dtype=np.float64)
        if lon.size == 0:
            raise ValueError("a plane needs at least one point")
        near = lon[0] + _wrap_deg(lon - lon[0])
        middle_lon = (near.min() + near.max()) / 2
        middle_lat = (lat.min() + lat.max()) / 2
        return cls(round(float(_wrap_deg(middle_lon)), 2), round(float(middle_lat), 2))

    def to_metres(
        self, lon_deg: ArrayLike, lat_deg: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Degrees (any shape) → east and north metres of the same shape."""
        lon = np.radians(_wrap_deg(np.asarray(lon_deg, dtype=np.float64) - self.lon_deg))
        lat = np.radians(np.asarray(lat_deg, dtype=np.float64))
        sin0, cos0, n0 = self._origin()
        sin_lat, cos_lat = np.sin(lat), np.cos(lat)
        normal = SEMI_MAJOR_M / np.sqrt(1 - ECCENTRICITY_2 * sin_lat * sin_lat)
        # Earth-centred, turned so that the origin's meridian is the x axis.
        x = normal * cos_lat * np.cos(lon) - n0 * cos0
        z = (1 - ECCENTRICITY_2) * (normal * sin_lat - n0 * sin0)
        east = normal * cos_lat * np.sin(lon)
        north = -sin0 * x + cos0 * z
        stretch = _arc_per_sine(np.hypot(east, north) / n0)
        return east * stretch, north * stretch

    def to_degrees(
        self, x_m: ArrayLike, y_m: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """East and north metres (any shape) → longitude and latitude, error below 1 mm at 20 km."""
        east = np.asarray(x_m, dtype=np.float64)
        north = np.asarray(y_m, dtype=np.float64)
        sin0, cos0, n0 = self._origin()
        arc = np.hypot(east, north) / n0
        shrink = np.sinc(arc / np.pi)  # sin(arc) / arc
        u, v = east * shrink, north * shrink
        # The drop below the tangent plane: start on a sphere, then step onto the ellipsoid.
        up = np.sqrt(np.maximum(n0 * n0 - u * u - v * v, 0.0)) - n0
        for _ in range(3):
            x = n0 * cos0 + cos0 * up - sin0 * v
            z = (1 - ECCENTRICITY_2) * n0 * sin0 + sin0 * up + cos0 * v
            off = (x * x + u * u) / SEMI_MAJOR_M**2 + z * z / (SEMI_MAJOR_M * (1 - FLATTENING)) ** 2
            up = up - (np.sqrt(off) - 1) * SEMI_MAJOR_M
        x = n0 * cos0 + cos0 * up - sin0 * v
        z = (1 - ECCENTRICITY_2) * n0 * sin0 + sin0 * up + cos0 * v
        lat = np.degrees(np.arctan2(z, (1 - ECCENTRICITY_2) * np.hypot(x, u)))
        lon = _wrap_deg(self.lon_deg + np.degrees(np.arctan2(u, x)))
        return lon, lat

    def _origin(self) -> tuple[float, float, float]:
        lat = radians(self.lat_deg)
        return sin(lat), cos(lat), SEMI_MAJOR_M / sqrt(1 - ECCENTRICITY_2 * sin(lat) ** 2)


def _wrap_deg(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Any angle → [-180, 180)."""
    return (degrees + 180.0) % 360.0 - 180.0


def _arc_per_sine(sine: NDArray[np.float64]) -> NDArray[np.float64]:
    """arcsin(s) / s, which is 1 at 0."""
    s = np.minimum(sine, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(s < 1e-9, 1.0, np.arcsin(s) / np.where(s == 0, 1.0, s))
