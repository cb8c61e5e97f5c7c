"""Phones over real HTTP into real PostGIS: what is stored, counted, quarantined, answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from patrols.models import Latest
from tests import make
from tests.patrols.phones import officer_on_duty, stored


def test_a_fix_on_duty_is_stored_and_acknowledged(http: httpx.Client) -> None:
    person = officer_on_duty()
    make.phone(person, "secret-1234")
    at = int(datetime.now(UTC).timestamp()) - 60
    answer = http.post(
        f"/phone/traccar?id=secret-1234&timestamp={at}&lat=60.17&lon=24.94&speed=2&batt=50"
    )
    assert answer.status_code == 200
    (position,) = stored(person)
    assert (position.point.x, position.point.y) == (24.94, 60.17)
    assert position.recorded_at == datetime.fromtimestamp(at, UTC)
    assert abs(position.speed_mps - 1.028889) < 1e-5
    assert position.battery == 0.5
    latest = Latest.objects.get(person_id=person.pk)
    assert latest.recorded_at == position.recorded_at
    assert latest.received_at - position.received_at < timedelta(seconds=1)
