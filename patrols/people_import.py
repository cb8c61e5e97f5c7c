"""Taking in a table of people and their certificates: the action behind `import_people`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from bureau.models import Bureau, OrgUnit, User
from bureau.sentences import Sentence, Unusable, gettext_noop, unusable
from geo.files.cell_values import read_date
from geo.files.reading import form_of
from geo.files.tables import Columns, plain
from geo.files.vector import Record
from geo.imports.report import ImportReport, Progress, silent
from geo.imports.rows import UNIT, read_rows, save_row, unknown_word
from geo.imports.runs import Units, import_run, too_long
from patrols.models import Category, Certificate, Person
from patrols.moves import note_move

COLUMNS: Final = {
    "badge_no": ("badge", "badge_number", "工号", "胸号", "工号牌", "警号"),
    "name": ("full_name", "姓名"),
    "category": ("类别", "人员类别", "身份", "人员性质"),
    "unit": UNIT,
    "left_on": ("left", "离职日期", "离岗日期"),
    "certificate_no": ("certificate", "certificate_number", "执法证号", "执法证", "证件号"),
    "valid_from": ("certificate_from", "发证日期", "有效期起", "有效期自"),
    "valid_until": ("certificate_until", "有效期至", "有效期止", "到期日期"),
}
CATEGORIES: Final[dict[str, Category]] = {
    **{plain(category.value): category for category in Category},
    **dict.fromkeys(
        ("enforcementofficer", "执法人员", "执法队员", "在编", "正式"), Category.OFFICER
    ),
    **dict.fromkeys(("协管员", "协管", "辅助人员", "编外"), Category.AUXILIARY),
}
TABLES: Final = ("csv", "xlsx")


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One checked row: a person, and a certificate if the row names one."""

    badge_no: str
    fields: dict[str, Any]
    certificate: tuple[str, date, date] | None


def import_people_file(
    bureau: Bureau,
    path: Path,
    *,
    file_name: str | None = None,
    unit: str | None = None,
    dry_run: bool = False,
    by: User | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Take a CSV or XLSX table of people into a bureau, in one transaction.

    A person is known by the badge number; known people are changed. A second row of the same
    person may bring a second certificate. People that the file does not name stay. No accounts,
    phones or accepted notices come from a table.
    Raises Refused when the file cannot be taken; a bad row is refused in the report.
    """
    report = ImportReport("people", file_name or path.name, dry_run=dry_run)
    with import_run(report, bureau=bureau, path=path, by=by):
        if form_of(report.file_name) not in TABLES:
            raise unusable("format_not_table", gettext_noop("People come as a CSV or XLSX table."))
        reading = read_rows(path, report, None, None, progress)
        columns = Columns.of(reading.header, COLUMNS, required=["badge_no", "name", "category"])
        units = Units(bureau, unit)
        people = {
            person.badge_no: person
            for person in Person.objects.filter(bureau=bureau)
            .select_related("unit")
            .prefetch_related("certificates")
        }
        first: dict[str, tuple[int, dict[str, Any]]] = {}
        numbers: set[tuple[str, str]] = set()
        for done, record in enumerate(reading.records):
            row = _row(record, columns, units, report)
            if row is not None and not _comes_again(row, record.number, first, numbers, report):
                _take(bureau, row, people, report, now=timezone.now())
            progress("writing", done + 1, len(reading.records))
    return report


def _row(record: Record, columns: Columns, units: Units, report: ImportReport) -> PersonRow | None:
    values = record.values
    badge_no, name = columns.get(values, "badge_no"), columns.get(values, "name")
    word = columns.get(values, "category")
    category = CATEGORIES.get(plain(word))
    unit = units.find(columns.get(values, "unit"))
    faults = list(record.faults)
    if not badge_no:
        faults.append(Sentence("badge_missing", gettext_noop("The badge number is empty.")))
    if not name:
        faults.append(Sentence("name_missing", gettext_noop("The name is empty.")))
    faults.extend(
        fault
        for fault in (
            too_long(badge_no, 30, "badge_no"),
            too_long(name, 80, "name"),
            too_long(columns.get(values, "certificate_no"), 60, "certificate_no"),
        )
        if fault is not None
    )
    if category is None:
        faults.append(unknown_word("category", word, CATEGORIES))
    if isinstance(unit, Sentence):
        faults.append(unit)
    left_on = None
    certificate = None
    try:
        left_on = read_date(columns.get(values, "left_on"), "left_on")
        certificate = _certificate(values, columns, category)
    except Unusable as error:
        faults.append(error.sentence)
    if faults or not isinstance(unit, OrgUnit):
        report.refuse(record.number, *faults)
        return None
    fields: dict[str, Any] = {"name": name, "category": category, "unit": unit}
    if "left_on" in columns:
        fields["left_on"] = left_on
    return PersonRow(badge_no, fields, certificate)


def _certificate(
    values: Any, columns: Columns, category: Category | None
) -> tuple[str, date, date] | None:
    number = columns.get(values, "certificate_no")
    valid_from = read_date(columns.get(values, "valid_from"), "valid_from")
    valid_until = read_date(columns.get(values, "valid_until"), "valid_until")
    if not number:
        if valid_from is None and valid_until is None:
            return None
        raise unusable(
            "certificate_number_missing",
            gettext_noop("Certificate dates are given without a certificate number."),
        )
    if category is Category.AUXILIARY:
        raise unusable(
            "certificate_of_auxiliary",
            gettext_noop(
                "An auxiliary holds no enforcement certificate. Check the category, or leave "
                "the certificate empty."
            ),
        )
    if valid_from is None or valid_until is None:
        raise unusable(
            "certificate_dates_missing",
            gettext_noop("Certificate %(number)s needs both dates, from and until."),
            {"number": number[:60]},
        )
    if valid_until < valid_from:
        raise unusable(
            "certificate_dates_reversed",
            gettext_noop("Certificate %(number)s ends on %(until)s, before it begins on %(from)s."),
            {
                "number": number[:60],
                "from": valid_from.isoformat(),
                "until": valid_until.isoformat(),
            },
        )
    return number, valid_from, valid_until


def _comes_again(
    row: PersonRow,
    number: int,
    first: dict[str, tuple[int, dict[str, Any]]],
    numbers: set[tuple[str, str]],
    report: ImportReport,
) -> bool:
    """Whether the badge stood in an earlier row in a way that this one adds nothing clear to it."""
    if row.badge_no not in first:
        first[row.badge_no] = (number, row.fields)
    else:
        before, fields = first[row.badge_no]
        is_new_certificate = (
            row.certificate is not None and (row.badge_no, row.certificate[0]) not in numbers
        )
        if fields != row.fields or not is_new_certificate:
            report.refuse(
                number,
                Sentence(
                    "badge_twice",
                    gettext_noop(
                        "Badge number %(badge)s is in row %(row)d already. A second row may only "
                        "bring another certificate of the same person."
                    ),
                    {"badge": row.badge_no, "row": before},
                ),
            )
            return True
    if row.certificate is not None:
        numbers.add((row.badge_no, row.certificate[0]))
    return False


def _take(
    bureau: Bureau,
    row: PersonRow,
    people: dict[str, Person],
    report: ImportReport,
    *,
    now: datetime,
) -> None:
    person = people.get(row.badge_no)
    before = person.unit if person is not None else None
    if person is None:
        person = people[row.badge_no] = Person(bureau=bureau, badge_no=row.badge_no)
    held: dict[str, Certificate] = (
        {c.number: c for c in person.certificates.all()} if person.pk else {}
    )
    wanted = row.certificate
    has_it = wanted is None or (
        wanted[0] in held
        and (held[wanted[0]].valid_from, held[wanted[0]].valid_until) == wanted[1:]
    )
    changed = save_row(
        person,
        row.fields,
        report,
        label=row.badge_no,
        else_changed="" if has_it else "certificate",
    )
    if before is not None and "unit" in changed:
        note_move(person, before, now=now)
    if wanted is not None and not has_it:
        Certificate.objects.update_or_create(
            person=person,
            number=wanted[0],
            defaults={"valid_from": wanted[1], "valid_until": wanted[2]},
        )
