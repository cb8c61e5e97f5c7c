"""A whole replay in a scratch database: set up, take in, judge, export."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
from django.conf import settings
from django.core.management import call_command

from bureau.models import Bureau
from bureau.week import Week
from geo import bureau_roads
from patrols.admission import SECOND_US, local_day
from patrols.replaying.export import tables, write_tables
from patrols.replaying.fixes import Recording
from patrols.replaying.folder import Folder
from patrols.replaying.stage import bring, set_up
from patrols.storage.scratch import scratch_database
from patrols.weekly import judge_everybody

PREFIX: Final = "tandem_replay_"
QUARTER_US: Final = 900 * SECOND_US


def replay(folder: Folder, out: Path, said: Callable[[str], None]) -> list[str]:
    """Write the three tables of a folder into `out`; `said` hears each step. Returns warnings.

    Nothing stays behind but the tables, also when it is interrupted. Raises Refused for what the
    product refuses, psycopg2.Error and django.db.Error when the database fails.
    """
    fixes = folder.fixes
    with scratch_database(PREFIX), scratch_tiles() as place:
        said("Making a database…")
        call_command("migrate", interactive=False, verbosity=0)
        said(f"Taking in {len(folder.segments)} street segments…")
        stage = set_up(folder, place)
        said(f"Taking in {len(fixes)} fixes of {len(fixes.officers)} officers…")
        stored = bring(stage, fixes)
        said(f"Judging {stored} positions…")
        judge(stage.bureau, fixes)
        found = tables(folder, stage)
    write_tables(out, found)
    return stage.warnings


@contextmanager
def scratch_tiles() -> Iterator[Path]:
    """A folder for tiles and files of one run; the process forgets its streets before and after.

    A lock in it says whose run is alive, so that what a killed run left is removed by the next.
    """
    kept = settings.VAR_DIR
    above = kept / "scratch"
    above.mkdir(parents=True, exist_ok=True)
    with (above / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        for old in above.glob("run-*"):
            if not _is_alive(old):
                shutil.rmtree(old, ignore_errors=True)
        place = Path(tempfile.mkdtemp(prefix="run-", dir=above))
        mark = (place / "alive").open("w")
        fcntl.flock(mark, fcntl.LOCK_EX)
    bureau_roads.forget()
    settings.VAR_DIR = place
    try:
        yield place
    finally:
        settings.VAR_DIR = kept
        bureau_roads.forget()
        shutil.rmtree(place, ignore_errors=True)
        mark.close()


def _is_alive(place: Path) -> bool:
    try:
        with (place / "alive").open("r+") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def judge(bureau: Bureau, fixes: Recording) -> None:
    """Derive and judge each week that has fixes, as on the day after its end."""
    zone = bureau.time_zone
    days = {local_day(int(us) * QUARTER_US, zone) for us in np.unique(fixes.t_us // QUARTER_US)}
    for monday in sorted({Week.of(day, zone).monday for day in days}):
        week = Week(monday, zone)
        judge_everybody(bureau, week, now=week.end + timedelta(days=1))
