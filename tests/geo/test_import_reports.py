"""Reports of imports: told on the command line, stored, and told again in another language."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import gettext

from bureau.sentences import Sentence
from geo.imports.commands import progress_bar
from geo.imports.places import import_hotspots_file
from geo.imports.report import ImportReport
from geo.imports.runs import stored_report
from geo.models import ImportRun
from geo.places import say
from tests.geo import files, town


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_for_each_stage() -> None:
    out = Terminal()
    with progress_bar(out) as progress:
        progress("reading", 0, None)
        progress("reading", 5000, None)
        progress("writing", 0, 40)
        progress("writing", 40, 40)
    shown = out.getvalue()
    assert "reading: 5000it" in shown
    assert "writing: 100%" in shown
    assert "40/40" in shown


def test_a_log_gets_a_line_for_each_stage() -> None:
    out = io.StringIO()
    with progress_bar(out) as progress:
        for done in range(0, 40, 10):
            progress("reading", done, None)
        progress("writing", 40, 40)
    assert out.getvalue() == "reading …\nwriting …\n"


def test_a_row_with_two_reasons_is_one_refused_row() -> None:
    report = ImportReport("areas", "a.csv")
    report.refuse(3, Sentence("a", "One."), Sentence("b", "Two %(n)d %%.", {"n": 7}))
    assert report.refused_rows == 1
    assert list(report.lines()) == [
        "0 taken, 0 changed, 0 unchanged, 0 retired, 1 refused.",
        "  Row 3 refused: One.",
        "  Row 3 refused: Two 7 %.",
    ]


@pytest.mark.django_db
def test_a_stored_report_can_be_said_again(tmp_path: Path) -> None:
    bureau = town.with_jurisdiction()
    path = files.table(
        tmp_path / "h.csv",
        ("code", "grade", "unit", "segments"),
        ("H1", "first", "east", "2-3"),
        ("H2", "first", "north", "2-3"),
    )
    report = import_hotspots_file(bureau, path, dry_run=True)
    again = stored_report(ImportRun.objects.get())
    assert list(again.lines()) == list(report.lines())
    assert again.run == report.run
    with translation.override("zh-hans"):
        said = list(again.lines(say))
        # Whatever the catalogue holds today, the values are put into its words.
        template = "There is no unit %(code)s. Units: %(codes)s."
        assert gettext(template) % {"code": "north", "codes": "east, top, west"} in said[-1]


@pytest.mark.django_db
def test_many_refused_rows_are_counted_and_the_first_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bureau = town.with_jurisdiction()
    rows = [(f"H{i}", "first", "north", "2-3") for i in range(60)]
    path = files.table(tmp_path / "h.csv", ("code", "grade", "unit", "segments"), *rows)
    call_command("import_hotspots", str(path), bureau=bureau.code)
    out = capsys.readouterr().out
    assert "60 refused." in out
    assert out.count("There is no unit north") == 50
    assert "… and 10 more reasons in import report" in out
