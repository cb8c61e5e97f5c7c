"""Working days: the 2026 notice as it ships, unknown years, and importing a notice."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from bureau.calendar import import_notice, working_day_after, working_days
from bureau.holidays import read_notice, shipped_day, shipped_notice, weekday_rule
from bureau.models import CalendarDay, DayKind
from bureau.sentences import Unusable
from bureau.week import Week
from tests import make

# Monday → working days, counted by hand from the notice of 2025-11-04; every other week of 2026
# has five.
UNUSUAL_WEEKS = {
    date(2026, 2, 9): 6,
    date(2026, 2, 16): 0,
    date(2026, 4, 6): 4,
    date(2026, 4, 27): 4,
    date(2026, 5, 4): 4,
    date(2026, 6, 15): 4,
    date(2026, 9, 14): 6,
    date(2026, 9, 21): 4,
    date(2026, 9, 28): 3,
    date(2026, 10, 5): 3,
}


def notice_text(year: int, *days: tuple[str, bool], source: str = "a notice") -> str:
    return json.dumps(
        {
            "year": year,
            "source": source,
            "papers": [],
            "days": [{"name": "节", "date": day, "isOffDay": off} for day, off in days],
        }
    )


def test_weeks_of_2026_count_as_the_notice_says() -> None:
    monday = date(2026, 1, 5)
    while monday.year == 2026 and monday < date(2026, 12, 28):
        days = [shipped_day(monday + timedelta(days=i)) for i in range(7)]
        assert all(day is not None and not day.provisional for day in days)
        count = sum(day.is_working for day in days if day)
        assert count == UNUSUAL_WEEKS.get(monday, 5), monday
        monday += timedelta(days=7)


def test_working_weekends_of_2026() -> None:
    notice = shipped_notice(2026)
    assert notice is not None
    weekends = [d.date for d in notice.days() if d.is_working and d.date.weekday() >= 5]
    assert weekends == [
        date(2026, 1, 4),
        date(2026, 2, 14),
        date(2026, 2, 28),
        date(2026, 5, 9),
        date(2026, 9, 20),
        date(2026, 10, 10),
    ]
    assert len(list(notice.days())) == 365


def test_unknown_year_follows_weekdays_and_says_so() -> None:
    # 5 March 2027 is a Friday, 8 March a Monday; 1 October 2027 is a Friday and statutory.
    assert [weekday_rule(date(2027, 3, d)).is_working for d in (5, 6, 7, 8)] == [
        True,
        False,
        False,
        True,
    ]
    assert weekday_rule(date(2027, 3, 5)).provisional
    assert not weekday_rule(date(2027, 10, 1)).is_working
    for year in (1970, 2027, 2050, 9998):
        assert weekday_rule(date(year, 6, 15)).provisional


@pytest.mark.django_db
def test_working_days_without_any_table() -> None:
    of = make.bureau()
    spring = working_days(of, Week(date(2026, 2, 16)))
    assert (len(spring), spring.provisional) == (0, False)
    october = working_days(of, Week(date(2026, 10, 5)))
    assert october.dates == (date(2026, 10, 8), date(2026, 10, 9), date(2026, 10, 10))
    unknown = working_days(of, Week(date(2031, 6, 16)))
    assert (len(unknown), unknown.provisional) == (5, True)


@pytest.mark.django_db
def test_the_bureaus_own_table_wins_and_is_its_own() -> None:
    of, other = make.bureau(), make.bureau()
    CalendarDay.objects.create(bureau=of, date=date(2026, 3, 4), kind=DayKind.HOLIDAY)
    assert len(working_days(of, Week(date(2026, 3, 2)))) == 4
    assert len(working_days(other, Week(date(2026, 3, 2)))) == 5


@pytest.mark.django_db
def test_import_twice_changes_nothing() -> None:
    of = make.bureau()
    notice = shipped_notice(2026)
    assert notice is not None
    first = import_notice(of, notice)
    assert (first.taken, first.changed, first.unchanged) == (365, [], 0)
    second = import_notice(of, notice)
    assert (second.taken, second.changed, second.unchanged) == (0, [], 365)
    assert CalendarDay.objects.filter(bureau=of).count() == 365


@pytest.mark.django_db
def test_dry_run_writes_nothing() -> None:
    of = make.bureau()
    report = import_notice(of, read_notice(notice_text(2027, ("2027-01-01", True))), dry_run=True)
    assert report.taken == 365
    assert not CalendarDay.objects.exists()


@pytest.mark.django_db
def test_next_years_notice_may_set_december_and_survives_a_reimport() -> None:
    of = make.bureau()
    notice = shipped_notice(2026)
    assert notice is not None
    import_notice(of, notice)
    import_notice(of, read_notice(notice_text(2027, ("2026-12-31", True), ("2027-01-01", True))))
    assert len(working_days(of, Week(date(2026, 12, 28)))) == 3
    again = import_notice(of, notice)
    assert again.kept == ["2026-12-31 holiday 节 (a notice)"]
    assert len(working_days(of, Week(date(2026, 12, 28)))) == 3


@pytest.mark.django_db
def test_a_corrected_notice_takes_back_a_day() -> None:
    of = make.bureau()
    import_notice(of, read_notice(notice_text(2027, ("2027-05-03", True), ("2027-05-04", True))))
    report = import_notice(of, read_notice(notice_text(2027, ("2027-05-03", True))))
    assert report.changed == ["2027-05-04 holiday → working"]
    assert len(working_days(of, Week(date(2027, 5, 3)))) == 4


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "calendar_not_json"),
        ("{", "calendar_not_json"),
        ("[]", "calendar_shape"),
        ('{"year": 2027, "days": 3}', "calendar_shape"),
        ('{"year": "2027", "days": [1]}', "calendar_year"),
        ('{"year": true, "days": [1]}', "calendar_year"),
        ('{"year": 20270, "days": [1]}', "calendar_year"),
        ('{"year": 2027, "days": []}', "calendar_empty"),
        ('{"year": 2027, "days": [{"name": "x", "date": "2027-01-01"}]}', "calendar_entry"),
        (notice_text(2027, ("2027-13-01", True)), "calendar_entry"),
        (notice_text(2027, ("2028-01-01", True)), "calendar_entry"),
        (notice_text(2027, ("2026-11-30", True)), "calendar_entry"),
        (notice_text(2027, ("2027-01-01", True), ("2027-01-01", False)), "calendar_entry"),
    ],
)
def test_unusable_files_say_why(text: str, code: str) -> None:
    with pytest.raises(Unusable) as refusal:
        read_notice(text)
    assert refusal.value.sentence.code == code
    assert str(refusal.value)


@pytest.mark.django_db
def test_command_imports_what_ships(capsys: pytest.CaptureFixture[str]) -> None:
    of = make.bureau()
    call_command("import_calendar", bureau=of.code)
    assert "2026: 365 days taken" in capsys.readouterr().out
    assert CalendarDay.objects.get(bureau=of, date=date(2026, 2, 17)).kind == DayKind.HOLIDAY


@pytest.mark.django_db
def test_command_refuses_in_a_sentence(tmp_path: Path) -> None:
    of = make.bureau()
    with pytest.raises(CommandError, match="There is no bureau 'nowhere'"):
        call_command("import_calendar", bureau="nowhere")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_calendar", str(tmp_path / "none.json"), bureau=of.code)
    gbk = tmp_path / "gbk.json"
    gbk.write_bytes(notice_text(2027, ("2027-01-01", True)).encode("utf-16"))
    with pytest.raises(CommandError, match="UTF-8"):
        call_command("import_calendar", str(gbk), bureau=of.code)
    assert not CalendarDay.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("day", "n", "last"),
    [
        # The holiday of October 2026 and its working Saturday, from the notice.
        (date(2026, 9, 30), 3, date(2026, 10, 10)),
        (date(2026, 10, 9), 1, date(2026, 10, 10)),
        (date(2026, 10, 10), 1, date(2026, 10, 12)),
        # An ordinary week: from Monday, from Friday, from a Saturday.
        (date(2026, 11, 2), 3, date(2026, 11, 5)),
        (date(2026, 11, 6), 3, date(2026, 11, 11)),
        (date(2026, 11, 7), 1, date(2026, 11, 9)),
    ],
)
def test_the_working_day_so_many_after_a_date(day: date, n: int, last: date) -> None:
    found = working_day_after(make.bureau(), day, n)
    assert (found.date, found.provisional) == (last, False)


@pytest.mark.django_db
def test_a_working_day_beyond_the_notices_says_so_and_one_without_end_is_cut() -> None:
    bureau = make.bureau()
    # Wed 30 Dec 2026: Thu 31, then Fri 1 Jan is statutory; Mon 4 and Tue 5 wait for a notice.
    found = working_day_after(bureau, date(2026, 12, 30), 3)
    assert (found.date, found.provisional) == (date(2027, 1, 5), True)
    first = date(2026, 11, 3)
    CalendarDay.objects.bulk_create(
        CalendarDay(bureau=bureau, date=first + timedelta(days=i), kind=DayKind.HOLIDAY)
        for i in range(360)
    )
    never = working_day_after(bureau, date(2026, 11, 2), 1)
    assert (never.date, never.provisional) == (date(2027, 10, 28), True)
