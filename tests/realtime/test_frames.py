"""The frame's bytes, worked out by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from realtime.frames import HEAD, MOVE, Frame, pack, pack_moves, unpack

AT_MS = 1_795_316_400_000

# 32 bytes of head, one move of 28, then {"gone":[7]} (12 bytes).
BY_HAND = (
    b"TF\x01\x00"
    + (9).to_bytes(4, "little")  # epoch
    + (258).to_bytes(4, "little")  # number
    + (3).to_bytes(4, "little")  # unit
    + struct.pack("<d", AT_MS)
    + (1).to_bytes(4, "little")
    + (12).to_bytes(4, "little")
    + (70_000).to_bytes(4, "little")  # person
    + (1_200_000_000).to_bytes(4, "little")  # 120° E
    + (-300_000_001).to_bytes(4, "little", signed=True)  # 30.0000001° S
    + (2_500).to_bytes(4, "little")  # recorded 2.5 s ago
    + (2).to_bytes(2, "little")  # received 2 s after it was recorded
    + (27_050).to_bytes(2, "little")  # 270.5°
    + (133).to_bytes(2, "little")  # 1.33 m/s
    + (65).to_bytes(2, "little")  # 6.5 m
    + (87).to_bytes(1, "little")
    + b"\x00\x00\x00"
    + b'{"gone":[7]}'
)


def one_move(**changes):
    values = {
        "person": [70_000],
        "lon_deg": [120.0],
        "lat_deg": [-30.0000001],
        "recorded_ms": [AT_MS - 2_500],
        "received_ms": [AT_MS - 500],
        "course_deg": [270.5],
        "speed_mps": [1.33],
        "accuracy_m": [6.5],
        "battery": [0.87],
        "at_ms": AT_MS,
    } | changes
    return pack_moves(**values)


def test_a_frame_packs_to_the_bytes_of_the_format():
    frame = Frame(9, 258, 3, AT_MS, one_move(), {"gone": [7]})
    assert pack(frame) == BY_HAND


def test_those_bytes_unpack_to_the_same_frame():
    frame = unpack(BY_HAND)
    assert (frame.epoch, frame.number, frame.unit, frame.at_ms) == (9, 258, 3, AT_MS)
    assert frame.rest == {"gone": [7]}
    assert frame.moves.tolist() == [
        (70_000, 1_200_000_000, -300_000_001, 2_500, 2, 27_050, 133, 65, 87, 0, 0)
    ]


def test_an_empty_frame_is_the_heartbeat_of_32_bytes():
    body = pack(Frame(1, 2, 3, AT_MS, np.zeros(0, dtype=MOVE)))
    assert len(body) == HEAD.size == 32
    assert unpack(body).rest == {}


def test_what_is_not_known_stays_not_known():
    move = one_move(course_deg=[None], speed_mps=[None], accuracy_m=[None], battery=[None])[0]
    assert (move["course"], move["speed"], move["accuracy"], move["battery"]) == (
        0xFFFF, 0xFFFF, 0xFFFF, 0xFF,
    )  # fmt: skip


def test_values_too_large_are_cut_and_never_read_as_unknown():
    move = one_move(speed_mps=[9_999.0], accuracy_m=[1e9], battery=[1.0], course_deg=[-90.0])[0]
    assert (move["speed"], move["accuracy"], move["battery"]) == (0xFFFE, 0xFFFE, 100)
    assert move["course"] == 27_000


def test_a_phone_whose_clock_is_ahead_has_a_negative_age():
    move = one_move(recorded_ms=[AT_MS + 4_000], received_ms=[AT_MS])[0]
    assert (move["age"], move["lag"]) == (-4_000, 0)


def test_an_age_past_the_field_is_cut():
    month_ms = 31 * 86_400_000
    assert one_move(recorded_ms=[AT_MS - month_ms])[0]["age"] == 2**31 - 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        BY_HAND[:31],
        BY_HAND[:-1],
        BY_HAND + b" ",
        b"XX" + BY_HAND[2:],
        BY_HAND[:2] + b"\x02" + BY_HAND[3:],
    ],
    ids=["empty", "short head", "cut", "too long", "other magic", "other format"],
)
def test_anything_but_a_whole_frame_is_refused(body: bytes):
    with pytest.raises(ValueError, match="frame"):
        unpack(body)


def test_moves_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="MOVE"):
        pack(Frame(1, 2, 3, AT_MS, np.zeros(1, dtype=[("x", "<u4")])))
