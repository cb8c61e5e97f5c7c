"""Colota's anchor points: the centre of a pause zone, sent as if it were a fix.

On leaving a pause zone Colota puts a point one second before the first real fix, at the zone's
centre, with the zone's radius as its accuracy; nothing else marks it. Its other formats are those
of the apps whose templates it uses, with speed in m/s in each (`patrols.wire.dialects`).
"""

from __future__ import annotations

from collections.abc import Sequence

from patrols.wire.reading import Flag, Reading

# The same signs as `geo.faults.anchors` looks for on a day's fixes: silence before, the real fix
# right after, an accuracy in whole metres that is large and twice the next one's.
SILENCE_US = 60_000_000
LEAD_US = 1_500_000
LEAST_RADIUS_M = 20.0

SYNTHETIC = int(Flag.SYNTHETIC)


def mark_anchors(readings: Sequence[Reading]) -> None:
    """Mark what looks like an anchor among the readings of one message as synthetic.

    The silence before the first reading of a message is not known and is taken for granted. An
    anchor that comes in a message of its own is not seen here; the day's flags show it.
    """
    if len(readings) < 2:
        return
    in_time = sorted(readings, key=lambda reading: reading.recorded_us)
    for i, here in enumerate(in_time[:-1]):
        then = in_time[i + 1]
        radius_m = here.accuracy_m
        if (
            radius_m is None
            or then.accuracy_m is None
            or radius_m < LEAST_RADIUS_M
            or radius_m % 1
            or radius_m < 2 * then.accuracy_m
            or then.recorded_us - here.recorded_us > LEAD_US
            or (i and here.recorded_us - in_time[i - 1].recorded_us < SILENCE_US)
        ):
            continue
        here.flags |= SYNTHETIC
