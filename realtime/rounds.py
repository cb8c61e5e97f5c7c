"""The live judge: rounds over every bureau, in a process of their own beside the ticker.

Judging 10,000 people takes seconds of processor time. In a thread of the ticker every frame would
wait for it, so the ticker starts `manage.py judge_live`, which gives way to everything else. Its
standard output says when a round is done; when its standard input ends, so does it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO

from django.conf import settings
from django.db import connection
from django.utils import timezone

from bureau.models import Bureau
from patrols.live_round import Memory, run_round
from patrols.welfare import run_checks

log = logging.getLogger(__name__)

ROUND_PERIOD_S = 5.0
# After a judge that died another is started, but not at once.
ANOTHER_AFTER_S = 5.0
# Frames, phones and pages come first (nice(2)).
NICENESS = 10


@dataclass
class Rounds:
    """The live judge with what it remembers from one round to the next."""

    memories: dict[int, Memory] = field(default_factory=dict)
    judged_at: datetime | None = None

    def run_once(self, now: datetime) -> None:
        """One round over every bureau."""
        for bureau in Bureau.objects.all():
            run_round(bureau, self.memories.setdefault(bureau.pk, Memory()), now)
            run_checks(bureau, now)
        self.judged_at = now

    def run(self, stop: threading.Event, told: IO[str]) -> None:
        """Rounds until stopped, a line for each. A failing round is logged and tried again; the
        screens see it by the time of the last one."""
        while not stop.is_set():
            begun = time.monotonic()
            try:
                self.run_once(timezone.now())
                told.write(f"{self.judged_at:%Y-%m-%dT%H:%M:%S.%f%z}\n")
                told.flush()
            except BrokenPipeError:
                break
            except Exception:
                log.exception("A round of the live judge failed; states stay as they were.")
                connection.close()
            stop.wait(max(0.2, ROUND_PERIOD_S - (time.monotonic() - begun)))
        connection.close()


def judge_until_alone(told: IO[str], life: IO[str]) -> None:
    """Rounds until `life` ends, which it does when the process that holds its other end is gone."""
    os.nice(NICENESS)
    stop = threading.Event()

    def wait() -> None:
        life.read()
        stop.set()

    threading.Thread(target=wait, name="life", daemon=True).start()
    Rounds().run(stop, told)


class Judge:
    """The judge's process as the ticker holds it: started, heard, started again, stopped."""

    words = (sys.executable, str(settings.BASE_DIR / "manage.py"), "judge_live")

    def __init__(self) -> None:
        self.judged_at: datetime | None = None
        self.ended = threading.Event()
        self.process: subprocess.Popen[str] | None = None
        self.thread = threading.Thread(target=self.keep, name="live-judge", daemon=True)

    def start(self) -> None:
        """Start the process; a thread listens to it."""
        self.thread.start()

    def keep(self) -> None:
        """Hear one process after another until stopped."""
        while not self.ended.is_set():
            with subprocess.Popen(  # noqa: S603  (our own program)
                self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                self.process = process
                if self.ended.is_set():  # stopped between the two lines above
                    process.terminate()
                assert process.stdout is not None  # noqa: S101
                for line in process.stdout:
                    self.judged_at = datetime.fromisoformat(line.strip()).astimezone(UTC)
            if not self.ended.is_set():
                log.error("The live judge has ended (%s); another begins.", process.returncode)
                self.ended.wait(ANOTHER_AFTER_S)

    def stop(self) -> None:
        """End it. A round that is under way is given up: the next one judges anew."""
        self.ended.set()
        if self.process is not None:
            self.process.terminate()
        self.thread.join(timeout=ROUND_PERIOD_S)
