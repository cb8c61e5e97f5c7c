"""Whatever a known phone sends, to whatever path: its app's success, never an error."""

from __future__ import annotations

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patrols.api.phone import SUCCESS
from patrols.models import Phone
from tests import make
from tests.patrols.phones import officer_on_duty
from tests.wire.corpus import BODIES

SECRET = "a-phone-that-sends-anything"
TYPES = ["application/json", "application/x-www-form-urlencoded", "text/plain", ""]


@settings(
    max_examples=60,
    deadline=None,
    # One client and one phone for all examples: what one leaves behind must not hurt the next.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(app=st.sampled_from(sorted(SUCCESS)), body=BODIES, kind=st.sampled_from(TYPES))
def test_a_known_phone_is_told_success(
    http: httpx.Client, app: str, body: bytes, kind: str
) -> None:
    if not Phone.objects.exists():
        make.phone(officer_on_duty(), SECRET)
    headers = {"authorization": f"Bearer {SECRET}", "content-type": kind}
    answer = http.post(f"/phone/{app}", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, SUCCESS[app].body)
