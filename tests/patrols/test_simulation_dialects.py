"""What simulated phones send is read by the product's own wire formats as what was meant."""

from __future__ import annotations

import numpy as np
import pytest

from patrols import wire
from patrols.simulation.dialects import Request, owntracks, traccar_batch, traccar_form
from patrols.simulation.phone import Fixes
from patrols.wire import Message

SECRET = "a-secret-of-a-phone"
NOW_US = 1_700_000_100_000_000

FIXES = Fixes(
    true_s=np.array([1_700_000_000.0, 1_700_000_007.5]),
    time_s=np.array([1_700_000_001.0, 1_700_000_008.5]),
    lon_deg=np.array([24.9412345, 24.9415678]),
    lat_deg=np.array([60.1712345, 60.1715678]),
    accuracy_m=np.array([4.5, 17.0]),
    speed_mps=np.array([1.25, 0.0]),
    course_deg=np.array([271.0, 0.0]),
)


def read(request: Request) -> list[wire.Reading]:
    headers = dict(request.headers)
    message = Message(
        body=request.body,
        content_type=headers.get("Content-Type", ""),
        authorization=headers.get("Authorization", ""),
    )
    assert SECRET in wire.names(message)
    delivery = wire.read(wire.DIALECTS[request.path.removeprefix("/phone/")], message, NOW_US)
    assert delivery.quarantined == []
    return delivery.readings


@pytest.mark.parametrize("index", [0, 1])
def test_a_traccar_form(index: int) -> None:
    (reading,) = read(traccar_form(SECRET, FIXES, index, 0.81))
    assert reading.recorded_us == int(FIXES.time_s[index]) * 1_000_000
    assert reading.lon_deg == pytest.approx(FIXES.lon_deg[index], abs=1e-7)
    assert reading.lat_deg == pytest.approx(FIXES.lat_deg[index], abs=1e-7)
    assert reading.accuracy_m == FIXES.accuracy_m[index]
    assert reading.speed_mps == pytest.approx(FIXES.speed_mps[index], abs=0.01)
    assert reading.battery == pytest.approx(0.81)
    assert reading.flags == 0


def test_a_traccar_batch_keeps_its_order_and_fractions() -> None:
    later, earlier = read(traccar_batch(SECRET, FIXES, [1, 0], 0.5))
    assert [later.recorded_us, earlier.recorded_us] == [
        1_700_000_008_500_000,
        1_700_000_001_000_000,
    ]
    assert earlier.speed_mps == pytest.approx(1.25)
    assert earlier.course_deg == 271.0


def test_an_owntracks_message_in_whole_kilometres_an_hour() -> None:
    (reading,) = read(owntracks(SECRET, "1003", FIXES, 0, 0.5))
    assert reading.recorded_us == 1_700_000_001_000_000
    assert reading.speed_mps == pytest.approx(1.25, abs=0.5 / 3.6)
    assert reading.accuracy_m == 4.0
    assert reading.flags == 0


def test_an_alarm_is_an_sos() -> None:
    (reading,) = read(traccar_form(SECRET, FIXES, 0, 0.5, alarm="sos"))
    assert reading.flags & wire.Flag.SOS
