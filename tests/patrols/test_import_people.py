"""import_people: people and their certificates from a table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from bureau.errors import Refused
from bureau.models import Bureau, User
from geo.imports.report import ImportReport
from geo.models import ImportRun
from patrols.models import Category, Certificate, NoticeAccepted, Person
from patrols.people_import import import_people_file
from tests.geo import files, town

pytestmark = pytest.mark.django_db

HEADER = ("badge_no", "name", "category", "unit", "certificate_no", "valid_from", "valid_until")
WANG = ("0101", "王小明", "officer", "east", "A-1", "2024-01-01", "2028-12-31")
LI = ("0102", "李红", "auxiliary", "east", "", "", "")


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.taken, report.changed, report.unchanged, report.refused_rows


def table(folder: Path, *rows: tuple[Any, ...], header: tuple[str, ...] = HEADER) -> Path:
    return files.table(folder / "people.csv", header, *rows)


def take(bureau: Bureau, path: Path, **options: Any) -> ImportReport:
    return import_people_file(bureau, path, **options)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_people_and_certificates_are_taken(tmp_path: Path, suffix: str) -> None:
    bureau = town.bureau()
    path = files.table(tmp_path / f"p{suffix}", HEADER, WANG, LI)
    assert counts(take(bureau, path)) == (2, 0, 0, 0)
    wang, li = Person.objects.order_by("badge_no")
    assert (wang.badge_no, wang.name, wang.category) == ("0101", "王小明", Category.OFFICER)
    assert (wang.unit.code, li.category) == ("east", Category.AUXILIARY)
    certificate = Certificate.objects.get()
    assert (certificate.person, certificate.number) == (wang, "A-1")
    assert (certificate.valid_from, certificate.valid_until) == (
        date(2024, 1, 1),
        date(2028, 12, 31),
    )


def test_a_table_gives_no_account_and_accepts_no_notice(tmp_path: Path) -> None:
    """Only the person can accept the location notice; until then no fix is stored."""
    take(town.bureau(), table(tmp_path, WANG))
    assert not User.objects.exists()
    assert not NoticeAccepted.objects.exists()


def test_badge_numbers_keep_their_zeros_in_a_workbook_of_texts(tmp_path: Path) -> None:
    path = files.table(tmp_path / "p.xlsx", HEADER, WANG)
    take(town.bureau(), path)
    assert Person.objects.get().badge_no == "0101"


def test_chinese_headers_and_gbk(tmp_path: Path) -> None:
    path = files.table(
        tmp_path / "p.csv",
        ("工号", "姓名", "人员类别", "中队", "执法证号", "有效期起", "有效期至"),
        ("0101", "王小明", "执法人员", "east", "A-1", "2024年1月1日", "2028/12/31"),
        ("0102", "李红", "协管员", "west", "", "", ""),
        encoding="gbk",
    )
    assert take(town.bureau(), path).taken == 2
    assert Person.objects.get(badge_no="0102").category == Category.AUXILIARY


def test_again_changes_nothing_and_a_move_changes_one(tmp_path: Path) -> None:
    bureau = town.bureau()
    take(bureau, table(tmp_path, WANG, LI))
    assert counts(take(bureau, table(tmp_path, WANG, LI))) == (0, 0, 2, 0)
    report = take(bureau, table(tmp_path, WANG, (*LI[:3], "west", *LI[4:])))
    assert counts(report) == (0, 1, 1, 0)
    assert report.changes == ["0102: unit"]
    assert Person.objects.count() == 2


def test_a_renewed_certificate_is_a_change(tmp_path: Path) -> None:
    bureau = town.bureau()
    take(bureau, table(tmp_path, WANG))
    longer = (*WANG[:6], "2030-12-31")
    assert counts(take(bureau, table(tmp_path, longer))) == (0, 1, 0, 0)
    assert Certificate.objects.get().valid_until == date(2030, 12, 31)
    another = (*WANG[:4], "A-2", "2029-01-01", "2033-12-31")
    assert counts(take(bureau, table(tmp_path, another))) == (0, 1, 0, 0)
    assert set(Certificate.objects.values_list("number", flat=True)) == {"A-1", "A-2"}


def test_a_second_row_may_bring_a_second_certificate(tmp_path: Path) -> None:
    second = (*WANG[:4], "A-2", "2029-01-01", "2033-12-31")
    report = take(town.bureau(), table(tmp_path, WANG, second))
    assert report.refused == []
    assert Certificate.objects.count() == 2
    assert Person.objects.count() == 1


def test_a_badge_number_twice_is_refused(tmp_path: Path) -> None:
    report = take(town.bureau(), table(tmp_path, WANG, ("0101", *LI[1:]), WANG))
    assert [(row, reason.code) for row, reason in report.refused] == [
        (3, "badge_twice"),
        (4, "badge_twice"),
    ]
    assert "is in row 2 already" in str(report.refused[0][1])
    assert Person.objects.get().name == "王小明"


def test_bad_rows_are_refused_with_their_reasons(tmp_path: Path) -> None:
    report = take(
        town.bureau(),
        table(
            tmp_path,
            ("", "a", "officer", "east", "", "", ""),
            ("1", "", "officer", "east", "", "", ""),
            ("2", "a", "mayor", "east", "", "", ""),
            ("3", "a", "officer", "north", "", "", ""),
            ("4", "a", "officer", "", "", "", ""),
            ("5", "a", "officer", "east", "A", "2028-01-01", "2024-01-01"),
            ("6", "a", "officer", "east", "A", "2028-01-01", ""),
            ("7", "a", "officer", "east", "", "2028-01-01", "2029-01-01"),
            ("8", "a", "auxiliary", "east", "A", "2024-01-01", "2028-01-01"),
            ("9", "a", "officer", "east", "A", "soon", "2028-01-01"),
            ("10", '=HYPERLINK("x")', "officer", "east", "", "", ""),
            ("x" * 31, "a", "officer", "east", "", "", ""),
            WANG,
        ),
    )
    assert [(row, reason.code) for row, reason in report.refused] == [
        (2, "badge_missing"),
        (3, "name_missing"),
        (4, "word_unknown"),
        (5, "unit_unknown"),
        (6, "unit_missing"),
        (7, "certificate_dates_reversed"),
        (8, "certificate_dates_missing"),
        (9, "certificate_number_missing"),
        (10, "certificate_of_auxiliary"),
        (11, "date_unreadable"),
        (12, "formula_cell"),
        (13, "text_too_long"),
    ]
    assert report.taken == 1
    assert str(report.refused[5][1]) == (
        "Certificate A ends on 2024-01-01, before it begins on 2028-01-01."
    )


def test_who_left_is_marked_and_never_deleted(tmp_path: Path) -> None:
    bureau = town.bureau()
    take(bureau, table(tmp_path, WANG, LI))
    header = (*HEADER, "left_on")
    report = take(bureau, table(tmp_path, (*WANG, "2026-02-28"), header=header))
    assert counts(report) == (0, 1, 0, 0)
    assert Person.objects.get(badge_no="0101").left_on == date(2026, 2, 28)
    assert Person.objects.get(badge_no="0102").left_on is None
    # A table without that column leaves it alone.
    assert counts(take(bureau, table(tmp_path, WANG))) == (0, 0, 1, 0)


def test_another_bureaus_people_are_not_touched(tmp_path: Path) -> None:
    bureau, other = town.bureau(), town.bureau()
    take(other, table(tmp_path, WANG))
    assert counts(take(bureau, table(tmp_path, (*WANG[:3], "west", *WANG[4:])))) == (1, 0, 0, 0)
    assert Person.objects.get(bureau=other).unit.code == "east"


def test_dry_run_writes_only_its_report(tmp_path: Path) -> None:
    report = take(town.bureau(), table(tmp_path, WANG, LI), dry_run=True)
    assert report.taken == 2
    assert not Person.objects.exists()
    assert ImportRun.objects.get().dry_run


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("p.geojson", '{"features": []}', "format_not_table"),
        ("p.csv", "姓名\n王\n", "column_missing"),
        ("p.csv", "", "file_empty"),
        ("p.xlsx", "no workbook", "format_differs"),
    ],
)
def test_files_that_are_no_table_of_people(
    tmp_path: Path, name: str, content: str, code: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Refused) as refusal:
        take(town.bureau(), tmp_path / name)
    assert refusal.value.code == code


def test_a_fault_of_the_database_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """The certificate of the second person cannot be written: the first person goes too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE patrols_certificate ADD CONSTRAINT test_no_b CHECK (number <> 'B-1')"
        )
    bureau = town.bureau()
    second = ("0103", "赵强", "officer", "east", "B-1", "2024-01-01", "2028-12-31")
    with pytest.raises(IntegrityError, match="test_no_b"):
        take(bureau, table(tmp_path, WANG, second))
    assert not Person.objects.exists()
    assert not ImportRun.objects.exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bureau = town.bureau()
    path = table(tmp_path, WANG, ("0103", "a", "officer", "north", "", "", ""))
    call_command("import_people", str(path), bureau=bureau.code)
    out = capsys.readouterr().out
    assert "1 taken, 0 changed, 0 unchanged, 0 retired, 1 refused." in out
    assert "Row 3 refused: There is no unit north." in out
    with pytest.raises(CommandError, match="There is no bureau 'x'"):
        call_command("import_people", str(path), bureau="x")
