"""`manage.py replay DIR --out OUT`: a folder of streets, beat and fixes through the product."""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from bureau.errors import Refused
from patrols.replaying.fixes import Unreadable
from patrols.replaying.folder import read_folder
from patrols.replaying.run import replay
from patrols.replaying.stage import moment


class Command(BaseCommand):
    requires_system_checks = ()
    help = (
        "Brings segments.geojson, beat.geojson and fixes.csv.gz of a folder through import, "
        "storage and judging in a database of its own, which is dropped again, and writes "
        "officers.csv, segments.csv and pairs.csv. Seconds count from the t0 that a file of the "
        "folder states, else from the round moment before the first fix."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--out", type=Path, required=True, metavar="OUT")
        parser.add_argument("--t0", default="", help="count from here instead (ISO-8601)")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"]
        try:
            check_out(out)
            with ending_in_order():
                folder = read_folder(options["folder"], options["t0"])
                warnings = replay(folder, out, self.stdout.write)
        except (Unreadable, Refused) as error:
            raise CommandError(str(error)) from error
        except (psycopg2.Error, DatabaseError) as error:
            words = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise CommandError(f"The database failed: {words}") from error
        except OSError as error:
            raise CommandError(f"{error.filename or out}: {error.strerror or error}.") from error
        except KeyboardInterrupt:
            self.stderr.write("Interrupted: nothing was written.")
            sys.exit(130)
        for warning in [*folder.warnings, *warnings]:
            self.stderr.write(warning)
        start = f"{moment(folder.t0_us).isoformat()} ({folder.t0_from})"
        self.stdout.write(f"Written to {out}; seconds count from {start}.")


def check_out(out: Path) -> None:
    """Say it before the work when the answer cannot be written. Raises Unreadable."""
    if out.exists() and not out.is_dir():
        raise Unreadable(f"{out} is a file: name a folder for the tables.")
    above = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise Unreadable(f"{out} cannot be made: {above} is not writable.")


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the work as Ctrl-C does; while it is tidied up, no further one."""

    def interrupt(signum: int, frame: object) -> None:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    old = {n: signal.signal(n, interrupt) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for name, handler in old.items():
            signal.signal(name, handler)
