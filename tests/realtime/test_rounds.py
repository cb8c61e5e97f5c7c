"""The live judge's own process: what it says, what ends it, what the ticker does when it dies."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from patrols.live_round import Memory, run_round
from patrols.models import Company, LiveState
from patrols.storage.states import COLUMNS, write_states
from realtime.rounds import Judge, Rounds
from tests.realtime.stage import officer, report
from tests.realtime.test_socket import wait_until
from tests.world import Town, build_town

# Speaks as `manage.py judge_live` does, and lives as long.
SPEAKER = "import sys; print('2026-11-30T02:00:00.250000+0000', flush=True); sys.stdin.read()"


def test_rounds_say_when_each_was_done(transactional_db: None):
    build_town()
    stop, rounds = threading.Event(), Rounds()

    class Listener(io.StringIO):
        def flush(self) -> None:
            stop.set()

    told = Listener()
    rounds.run(stop, told)
    assert rounds.judged_at is not None
    assert datetime.fromisoformat(told.getvalue().strip()) == rounds.judged_at


def test_the_ticker_hears_its_judge_starts_it_again_and_ends_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("realtime.rounds.ANOTHER_AFTER_S", 0.01)
    judge = Judge()
    judge.words = (sys.executable, "-c", SPEAKER)
    judge.start()
    wait_until(lambda: judge.judged_at == datetime(2026, 11, 30, 2, 0, 0, 250_000, UTC))
    first = judge.process
    assert first is not None
    judge.judged_at = None
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: judge.judged_at is not None)
    second = judge.process
    assert second is not None
    assert second.pid != first.pid
    judge.stop()
    assert not judge.thread.is_alive()
    assert second.returncode == -signal.SIGTERM


def test_the_judges_process_ends_when_nobody_holds_it(transactional_db: None):
    town = build_town()
    officer(town.west, datetime.now(UTC))
    database = connection.settings_dict
    url = f"postgres:///{database['NAME']}?host={database['HOST']}&port={database['PORT']}"
    url += f"&user={database['USER']}"
    process = subprocess.Popen(
        Judge.words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DATABASE_URL": url},
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert datetime.fromisoformat(process.stdout.readline().strip()).tzinfo is not None
        assert LiveState.objects.count() == 1
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_states_are_written_as_they_are_and_again_with_another_version(db: None):
    town = build_town()
    now = datetime(2026, 11, 30, 2, tzinfo=UTC)
    full = LiveState(
        bureau_id=town.bureau.pk,
        person_id=1,
        duty_since=now,
        duty_until=now + timedelta(hours=8),
        company=Company.TOGETHER,
        company_since=now + timedelta(microseconds=1),
        partners=[3, 2],
        parked_since=now,
        street="人民路, 'a' {b}",
        street_en='Renmin "Rd" \\',
        hotspot_id=4,
        hotspot_name="市场",
        contact_at=now,
    )
    bare = LiveState(bureau_id=town.bureau.pk, person_id=2)
    assert write_states([full, bare]) == 2
    assert write_states([]) == 0
    stored = {state.person_id: state for state in LiveState.objects.all()}
    for wanted in (full, bare):
        found = stored[wanted.person_id]
        for column in (*COLUMNS, "bureau_id"):
            assert getattr(found, column) == getattr(wanted, column)
    full.partners, full.hotspot_id = [], None
    write_states([full])
    again = LiveState.objects.get(person_id=1)
    assert (again.partners, again.hotspot_id, again.street) == ([], None, full.street)
    assert again.version > max(one.version for one in stored.values())


def test_a_round_writes_only_news_though_it_remembers_what_is_stored(town: Town):
    now, memory = datetime.now(UTC), Memory()
    person = officer(town.west, now)
    report(person, 0, 0, now)
    assert run_round(town.bureau, memory, now) == 1
    assert run_round(town.bureau, memory, now + timedelta(seconds=5)) == 0
    LiveState.objects.all().delete()
    assert run_round(town.bureau, memory, now + timedelta(seconds=61)) == 1


@pytest.fixture
def town(db: None) -> Town:
    return build_town()
