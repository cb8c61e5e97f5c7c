"""What the import commands share: their options, a progress bar, and printing the report."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError, OutputWrapper
from tqdm import tqdm

from bureau.errors import Refused
from bureau.models import Bureau
from geo.datum import Datum
from geo.imports.report import ImportReport, Progress
from geo.places import say

MOST_SHOWN = 50


def add_import_arguments(parser: ArgumentParser, *, places: bool = True) -> None:
    """The options that every import has; `places` adds those about coordinates."""
    parser.add_argument("file", type=Path, help="the file to import")
    parser.add_argument("--bureau", required=True, help="code of the bureau")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be taken; write nothing"
    )
    if places:
        parser.add_argument(
            "--datum",
            choices=[datum.value for datum in Datum],
            default=Datum.WGS84.value,
            help="what the coordinates are measured on (CGCS2000 counts as wgs84)",
        )
        parser.add_argument(
            "--crs", help="coordinate system, for a file that does not say its own: EPSG:4490"
        )
        parser.add_argument("--layer", help="which layer, where the file holds several")


def bureau_of(code: str) -> Bureau:
    """The bureau of a code, or CommandError with the codes there are."""
    try:
        return Bureau.objects.get(code=code)
    except Bureau.DoesNotExist:
        codes = ", ".join(Bureau.objects.values_list("code", flat=True)) or "none yet"
        raise CommandError(f"There is no bureau {code!r}. Bureaus: {codes}.") from None


@contextmanager
def progress_bar(stream: TextIO | None = None) -> Iterator[Progress]:
    """A Progress that draws a bar on a terminal, and a line for each stage elsewhere."""
    out = stream or sys.stderr
    bar: tqdm[Any] | None = None
    current = ""

    def show(stage: str, done: int, total: int | None) -> None:
        nonlocal bar, current
        if not out.isatty():
            if stage != current:
                out.write(f"{stage} …\n")
                out.flush()
            current = stage
            return
        if bar is None or stage != current:
            if bar is not None:
                bar.close()
            bar = tqdm(desc=stage, total=total, file=out, leave=True, dynamic_ncols=True)
            current = stage
        bar.total = total
        bar.n = done
        bar.refresh()

    try:
        yield show
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def refusals() -> Iterator[None]:
    """A refusal of the domain becomes the command's error, and exit code 1."""
    try:
        yield
    except Refused as error:
        raise CommandError(f"{error} Nothing was written.") from None


def show_report(report: ImportReport, out: OutputWrapper) -> None:
    """Print the report; refused rows beyond the first fifty stand in the stored report."""
    shown = 0
    for line in report.lines(say):
        if line.startswith("  "):
            shown += 1
            if shown > MOST_SHOWN:
                continue
        out.write(line)
    if shown > MOST_SHOWN:
        out.write(f"  … and {shown - MOST_SHOWN} more reasons in import report {report.run}.")
