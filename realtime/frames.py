"""The frame: one numbered message to everybody who watches a unit. Pure: bytes in, bytes out.

    0  2  "TF"
    2  1  format, 1
    3  1  reserved, 0
    4  4  epoch        uint32, another one after each start of the ticker
    8  4  number       uint32, one more than the frame before
   12  4  unit         uint32, the unit whose people (and those below) it is about
   16  8  at           float64, server's time after reading, ms since 1970 UTC
   24  4  moves        uint32, how many records follow
   28  4  rest         uint32, bytes of JSON after them
   32     moves × 28 bytes, then the JSON in UTF-8 (nothing if there is nothing to say)

A move is 28 bytes; docs/live.md says it in words. Everything is little-endian.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD = struct.Struct("<2sBBIIIdII")
MAGIC, FORMAT = b"TF", 1
UNKNOWN_16, UNKNOWN_8 = 0xFFFF, 0xFF
LARGEST_AGE_MS = 2**31 - 1

# age: at − recorded, negative when a phone's clock is ahead · lag: received − recorded.
MOVE = np.dtype(
    [
        ("person", "<u4"),
        ("lon", "<i4"),  # 1e-7 degrees
        ("lat", "<i4"),
        ("age", "<i4"),  # ms
        ("lag", "<u2"),  # s
        ("course", "<u2"),  # 0.01 degrees clockwise from north
        ("speed", "<u2"),  # cm/s
        ("accuracy", "<u2"),  # dm
        ("battery", "u1"),  # percent
        ("spare", "u1"),
        ("spare2", "<u2"),
    ]
)
assert HEAD.size == 32  # noqa: S101
assert MOVE.itemsize == 28  # noqa: S101

Moves = NDArray[np.void]


@dataclass(frozen=True)
class Frame:
    """One frame, unpacked. `moves` has dtype `MOVE`; `rest` is what JSON holds."""

    epoch: int
    number: int
    unit: int
    at_ms: int
    moves: Moves
    rest: dict[str, Any] = field(default_factory=dict)


def pack(frame: Frame) -> bytes:
    """The bytes of a frame. Raises ValueError for moves of another shape."""
    if frame.moves.dtype != MOVE:
        raise ValueError("moves must have the dtype MOVE")
    rest = (
        json.dumps(frame.rest, ensure_ascii=False, separators=(",", ":")).encode()
        if frame.rest
        else b""
    )
    head = HEAD.pack(
        MAGIC,
        FORMAT,
        0,
        frame.epoch,
        frame.number,
        frame.unit,
        float(frame.at_ms),
        len(frame.moves),
        len(rest),
    )
    return head + frame.moves.tobytes() + rest


def unpack(body: bytes) -> Frame:
    """The frame of some bytes. Raises ValueError for anything that is no whole frame."""
    if len(body) < HEAD.size:
        raise ValueError(f"{len(body)} bytes are too few for a frame")
    magic, form, _, epoch, number, unit, at_ms, moves, rest = HEAD.unpack_from(body)
    if magic != MAGIC or form != FORMAT:
        raise ValueError("not a frame of format 1")
    end = HEAD.size + moves * MOVE.itemsize
    if len(body) != end + rest:
        raise ValueError(f"a frame of {end + rest} bytes came as {len(body)}")
    return Frame(
        epoch,
        number,
        unit,
        int(at_ms),
        np.frombuffer(body, dtype=MOVE, count=moves, offset=HEAD.size),
        json.loads(body[end:]) if rest else {},
    )


def pack_moves(
    *,
    person: list[int],
    lon_deg: list[float],
    lat_deg: list[float],
    recorded_ms: list[int],
    received_ms: list[int],
    course_deg: list[float | None],
    speed_mps: list[float | None],
    accuracy_m: list[float | None],
    battery: list[float | None],
    at_ms: int,
) -> Moves:
    """Columns of equal length n → n records. What does not fit is cut to the nearest that does."""
    moves = np.zeros(len(person), dtype=MOVE)
    recorded = np.asarray(recorded_ms, dtype=np.int64)
    moves["person"] = person
    moves["lon"] = np.rint(np.asarray(lon_deg, dtype=np.float64) * 1e7)
    moves["lat"] = np.rint(np.asarray(lat_deg, dtype=np.float64) * 1e7)
    moves["age"] = np.clip(at_ms - recorded, -LARGEST_AGE_MS, LARGEST_AGE_MS)
    lag_s = (np.asarray(received_ms, dtype=np.int64) - recorded) / 1000
    moves["lag"] = np.clip(np.rint(lag_s), 0, UNKNOWN_16)
    course = [None if c is None else c % 360 for c in course_deg]
    moves["course"] = scaled(course, 100, UNKNOWN_16)
    moves["speed"] = scaled(speed_mps, 100, UNKNOWN_16)
    moves["accuracy"] = scaled(accuracy_m, 10, UNKNOWN_16)
    moves["battery"] = scaled(battery, 100, UNKNOWN_8)
    return moves


def scaled(values: list[float | None], by: float, unknown: int) -> NDArray[np.int64]:
    """Values × `by` as whole numbers from 0 to `unknown` − 1; `unknown` stands for none."""
    array = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    whole = np.clip(np.rint(array * by), 0, unknown - 1)
    return np.where(np.isnan(array), unknown, np.nan_to_num(whole)).astype(np.int64)
