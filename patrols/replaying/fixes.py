"""The fixes of a folder to replay: a table of any column order, packed or not. Pure."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final, cast

import numpy as np
from numpy.typing import NDArray

from geo.track import Floats, Ints
from patrols.replaying.times import Clock

COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "officer": ("officer", "officer_id", "person", "person_id", "badge", "user", "device"),
    "time": ("time", "timestamp", "recorded_at", "datetime", "t", "time_s"),
    "lat": ("lat", "latitude", "lat_deg", "y"),
    "lon": ("lon", "lng", "long", "longitude", "lon_deg", "x"),
    "accuracy": ("accuracy_m", "accuracy", "acc"),
}
NOTHING: Final = frozenset({"", "null", "none", "na", "n/a", "nan"})
GZIP: Final = b"\x1f\x8b"


class Unreadable(Exception):
    """A folder that cannot be replayed; the message says in one sentence why."""


@dataclass(frozen=True, eq=False)
class Recording:
    """n fixes in the order of the file. officer: index into `officers`; t_us: microseconds since
    1970; degrees WGS-84; metres, NaN unknown.

    incomplete: rows left out for want of an officer, a time or a place. repeated: rows left out
    because they say nothing new. relative: whether times counted from t0.
    """

    officers: list[str]
    officer: Ints
    t_us: Ints
    lon_deg: Floats
    lat_deg: Floats
    accuracy_m: Floats
    incomplete: int = 0
    repeated: int = 0
    relative: bool = False

    def __len__(self) -> int:
        return len(self.t_us)

    def once(self) -> Recording:
        """The same with the first of each set of equal rows only."""
        columns = (self.accuracy_m, self.lat_deg, self.lon_deg, self.t_us, self.officer)
        order = np.lexsort(columns)  # stable: the first in the file comes first
        same = np.ones(len(order), dtype=np.bool_)
        same[:1] = False
        for column in columns:
            ranked = column[order]
            unknown = np.isnan(ranked) if column is self.accuracy_m else np.zeros_like(same)
            same[1:] &= (ranked[1:] == ranked[:-1]) | (unknown[1:] & unknown[:-1])
        if not same.any():
            return self
        keep = np.ones(len(order), dtype=np.bool_)
        keep[order[same]] = False
        return replace(
            self,
            officer=self.officer[keep],
            t_us=self.t_us[keep],
            lon_deg=self.lon_deg[keep],
            lat_deg=self.lat_deg[keep],
            accuracy_m=self.accuracy_m[keep],
            repeated=int(same.sum()),
        )


def read_fixes(path: Path, t0_us: int | None = None) -> Recording:
    """The rows of a fixes.csv.gz (or .csv). `t0_us`: what relative times count from.

    Columns in any order, others ignored. Times: ISO-8601 (UTC unless an offset is given), or
    seconds, milliseconds or microseconds since 1970, or seconds after t0. Raises Unreadable.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if packed else raw
            with io.TextIOWrapper(
                cast(IO[bytes], stream), encoding="utf-8-sig", newline=""
            ) as text:
                return _read_rows(path.name, text, Clock(t0_us))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise Unreadable(f"{path} is broken or incomplete: it cannot be unpacked.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is no table: it is not UTF-8 text.") from None
    except csv.Error as error:
        raise Unreadable(f"{path} is no table: {error}.") from None
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror or error}.") from None


def _read_rows(name: str, text: io.TextIOWrapper, clock: Clock) -> Recording:
    head = text.readline()
    rows = csv.reader(_with_head(head, text), delimiter=max(",;\t", key=head.count))
    at = _columns(name, next(rows, []))
    who_at, when_at, lat_at, lon_at = (at[key] for key in ("officer", "time", "lat", "lon"))
    error_at = at.get("accuracy")
    width = max(at.values())
    names: dict[str, int] = {}
    officer, t_us = array("q"), array("q")
    lon, lat, accuracy = array("d"), array("d"), array("d")
    incomplete = 0
    for row in rows:
        if len(row) <= width:
            incomplete += bool(row)  # an empty line is no row
            continue
        who, when, y, x = row[who_at], row[when_at], row[lat_at], row[lon_at]
        if not who.strip():
            incomplete += 1
            continue
        number = names.setdefault(who, len(names))
        if any(word.strip().lower() in NOTHING for word in (when, y, x)):
            incomplete += 1
            continue
        try:
            moment, east, north = clock.read(when), float(x), float(y)
            error_m = np.nan if error_at is None else _accuracy(row[error_at])
            if not (abs(east) <= 180 and abs(north) <= 90):
                raise ValueError(f"{x}, {y} is no longitude and latitude")
        except (ValueError, OverflowError) as error:
            raise Unreadable(f"{name}, line {rows.line_num}: {error}.") from None
        officer.append(number)
        t_us.append(moment)
        lon.append(east)
        lat.append(north)
        accuracy.append(error_m)
    if not names:
        raise Unreadable(f"{name} holds no fixes.")
    return Recording(
        list(names),
        np.array(officer, np.int64),
        np.array(t_us, np.int64),
        _floats(lon),
        _floats(lat),
        _floats(accuracy),
        incomplete,
        relative=clock.relative,
    ).once()


def _with_head(head: str, rest: io.TextIOWrapper) -> Iterator[str]:
    yield head
    yield from rest


def _floats(values: array[float]) -> Floats:
    found: NDArray[np.float64] = np.array(values, np.float64)
    return found


def _columns(name: str, head: Sequence[str]) -> dict[str, int]:
    """Where each column stands; accuracy only if the file has it."""
    there = {title.strip().lower(): at for at, title in reversed(list(enumerate(head)))}
    at = {
        key: there[word]
        for key, words in COLUMNS.items()
        for word in reversed(words)
        if word in there
    }
    if missing := [key for key in COLUMNS if key not in at and key != "accuracy"]:
        raise Unreadable(f"{name} has no column {', '.join(missing)}.")
    return at


def _accuracy(word: str) -> float:
    """Metres; NaN for an empty field or what cannot be a radius."""
    if word.strip().lower() in NOTHING:
        return np.nan
    metres = float(word)
    return metres if 0 <= metres < np.inf else np.nan
