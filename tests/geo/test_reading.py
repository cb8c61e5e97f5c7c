"""Tables and archives from outside: encodings, formulas, limits, bombs."""

from __future__ import annotations

import struct
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from bureau.sentences import Unusable
from geo.files import archives, tables
from geo.files.cell_values import read_count, read_date
from geo.files.reading import read
from geo.files.tables import Columns, TableRow, decode, read_table
from geo.week_windows import Window, read_windows
from tests.geo import files


def rows(path: Path) -> list[TableRow]:
    return list(read_table(path, path.suffix[1:]))


def refusal_of(path: Path) -> str:
    with pytest.raises(Unusable) as refusal:
        read(path)
    assert str(refusal.value).endswith(".")
    return refusal.value.sentence.code


# CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"])
def test_chinese_tables_are_read_in_their_encoding(tmp_path: Path, encoding: str) -> None:
    path = files.table(
        tmp_path / "t.csv", ("编号", "名称"), ("K1", "人民路岗亭"), encoding=encoding
    )
    assert [row.values for row in rows(path)] == [{"编号": "K1", "名称": "人民路岗亭"}]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("路", "gbk"),
        ("0路,路", "gbk"),
        ("Mäkelänkatu", "utf-8"),
        ("人民路", "utf-8"),
        ("a·b 街", "utf-8"),
    ],
)
def test_short_texts_are_decoded_as_what_they_are(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"code{delimiter}name\nK1{delimiter}One\n")
    assert rows(path)[0].values == {"code": "K1", "name": "One"}


def test_row_numbers_are_those_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('\ncode,name\nK1,"two\nlines"\n\n,\nK2,x\n')
    assert [(row.number, row.values["code"]) for row in rows(path)] == [(3, "K1"), (6, "K2")]


def test_formulas_and_cells_beyond_the_header_are_faults_of_their_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('code,name\n=1+1,a\nK2,b,c\nK3,"d, e"\n')
    first, second, third = rows(path)
    assert [fault.code for fault in first.faults] == ["formula_cell"]
    assert str(first.faults[0]) == "Column A holds a formula. Paste its value instead."
    assert [fault.code for fault in second.faults] == ["cells_beyond_header"]
    assert third.faults == ()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\n\n", "table_empty"),
        (b"code,name\n", "file_no_rows"),
        (b"code,code\n1,2\n", "column_twice"),
        (b"code,name\n\x00,1\n", "csv_binary"),
        (b'code,name\n"K1,1\n', "csv_broken"),
        (b"code\n\xff\xff\xff\n", "encoding_unknown"),
    ],
)
def test_unusable_csv_files(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert refusal_of(path) == code


def test_a_table_too_long_or_too_wide_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = files.table(tmp_path / "w.csv", [f"c{i}" for i in range(201)], range(201))
    assert refusal_of(wide) == "table_too_wide"
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    assert refusal_of(files.table(tmp_path / "l.csv", ("a",), *[(i,) for i in range(4)])) == (
        "table_too_long"
    )


def test_columns_are_found_by_any_of_their_names() -> None:
    columns = Columns.of(["Badge No.", "姓名"], {"badge_no": ("工号",), "name": ("姓名",)})
    assert columns.get({"Badge No.": " 7 ", "姓名": "王"}, "badge_no") == "7"
    assert "name" in columns
    with pytest.raises(Unusable) as refusal:
        Columns.of(["x"], {"badge_no": ("工号",)}, required=["badge_no"])
    assert str(refusal.value) == "A column is missing: badge_no or 工号. The file has: x."


# XLSX


def test_workbook_values_become_text(tmp_path: Path) -> None:
    path = files.table(
        tmp_path / "t.xlsx",
        ("a", "b", "c", "d", "e"),
        (1.0, 2.5, date(2026, 3, 1), datetime(2026, 3, 1, 8, 30), None),  # noqa: DTZ001
    )
    assert rows(path)[0].values == {
        "a": "1",
        "b": "2.5",
        "c": "2026-03-01",
        "d": "2026-03-01 08:30:00",
        "e": "",
    }


def test_formula_and_error_cells_are_faults_of_their_row(tmp_path: Path) -> None:
    path = files.table(tmp_path / "t.xlsx", ("a", "b"), ("=A1", 1), (1, "#REF!"), (1, 2))
    first, second, third = rows(path)
    assert [f.code for f in first.faults] == ["formula_cell"]
    assert str(second.faults[0]) == "Column B shows the error #REF!."
    assert third.values == {"a": "1", "b": "2"}


def test_a_workbook_with_a_million_empty_rows_is_read_quickly(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["code"])
    sheet.append(["K1"])
    sheet.cell(row=900_000, column=1).number_format = "0"
    book.save(tmp_path / "t.xlsx")
    assert [row.values for row in rows(tmp_path / "t.xlsx")] == [{"code": "K1"}]


def test_a_broken_workbook_and_an_old_one_are_refused(tmp_path: Path) -> None:
    whole = files.table(tmp_path / "t.xlsx", ("a",), (1,)).read_bytes()
    path = tmp_path / "cut.xlsx"
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal_of(path) == "zip_broken"
    path.write_bytes(b"\xd0\xcf\x11\xe0" + b"\x00" * 600)
    assert refusal_of(path) == "xls_old"
    path.write_text("code,name\n")
    assert refusal_of(path) == "format_differs"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<no workbook/>")
    assert refusal_of(path) == "xlsx_broken"


def test_entities_in_a_workbook_do_not_unfold(tmp_path: Path) -> None:
    """A "billion laughs" in the sheet: refused by the XML parser, not unfolded into memory."""
    files.table(tmp_path / "t.xlsx", ("a",), ("x",))
    path = tmp_path / "bomb.xlsx"
    laughs = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
        f"<!ENTITY {b} '{('&' + a + ';') * 10}'>"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with zipfile.ZipFile(tmp_path / "t.xlsx") as good, zipfile.ZipFile(path, "w") as bad:
        for member in good.infolist():
            content = good.read(member)
            if member.filename == "xl/worksheets/sheet1.xml":
                content = f"<?xml version='1.0'?>{laughs}]><l>&i;</l>".encode()
            bad.writestr(member, content)
    assert refusal_of(path) == "xlsx_broken"


# Archives


def test_a_bomb_is_refused_by_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 64 * 2**20)
    assert path.stat().st_size < 100_000
    assert refusal_of(path) == "zip_bomb"


def test_a_bomb_that_lies_about_its_size_is_refused_while_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    path = tmp_path / "liar.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 8 * 2**20)
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", raw, raw.index(mark) + offset, 1000)  # the size it claims
    path.write_bytes(raw)
    # zipfile itself stops at the claimed size and finds the checksum wrong.
    assert refusal_of(path) in ("zip_bomb", "zip_broken")


def test_an_xlsx_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 64 * 2**20)
    assert refusal_of(path) == "zip_bomb"


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "slip.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside.csv", "code\nK1\n")
    assert [record.values for record in read(path).records] == [{"code": "K1"}]
    assert not (tmp_path.parent / "outside.csv").exists()
    assert not (tmp_path.parent.parent / "outside.csv").exists()


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["readme.txt"], "zip_no_layer"),
        (["a.csv", "b.csv"], "layer_ambiguous"),
        (["a.shp", "a.dbf"], "shapefile_incomplete"),
        ([f"{i}.txt" for i in range(201)], "zip_crowded"),
    ],
)
def test_archives_that_hold_no_one_layer(tmp_path: Path, names: list[str], code: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "code\nK1\n")
    assert refusal_of(path) == code


def test_one_layer_of_several_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", "code\nK1\n")
        archive.writestr("two.csv", "code\nK2\n")
    assert read(path, layer="two").records[0].values == {"code": "K2"}
    with pytest.raises(Unusable, match=r"There is no layer three\. Layers: one, two\."):
        read(path, layer="three")


def test_a_locked_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.csv", "code\nK1\n")
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1  # the mark "encrypted"
    path.write_bytes(raw)
    assert refusal_of(path) == "zip_locked"


def test_a_file_over_the_limit_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_FILE_BYTES", 10)
    assert refusal_of(files.table(tmp_path / "t.csv", ("a", "b"), (1, 2), (3, 4))) == (
        "file_too_large"
    )


def test_an_uploads_own_name_tells_its_format(tmp_path: Path) -> None:
    path = tmp_path / "upload-7f3a.tmp"
    path.write_text("code\nK1\n")
    assert read(path, file_name="stations.csv").records[0].values == {"code": "K1"}


# Coordinates in tables


@pytest.mark.parametrize(
    ("lon", "lat", "fault"),
    [
        ("116.4", "39.9", None),
        ("1.164e2", "+39.9", None),
        ("116.4", "", "not_a_number"),
        ("116,4", "39.9", "not_a_number"),
        ("nan", "39.9", "not_a_number"),
        ("inf", "39.9", "not_a_number"),
        ("1_1", "39.9", "not_a_number"),
        ("116°24′", "39.9", "not_a_number"),
    ],
)
def test_longitude_and_latitude(tmp_path: Path, lon: str, lat: str, fault: str | None) -> None:
    path = files.table(tmp_path / "t.csv", ("code", "经度", "纬度"), ("K1", lon, lat))
    (record,) = read(path).records
    assert [f.code for f in record.faults] == ([fault] if fault else [])
    assert (record.geometry is None) == (fault is not None)


def test_metres_in_a_table_need_a_declared_system(tmp_path: Path) -> None:
    path = files.table(tmp_path / "t.csv", ("code", "x", "y"), ("K1", 500_000, 4_418_000))
    (record,) = read(path, crs="EPSG:4548").records
    assert record.geometry is not None
    # Zone 117° E: its false easting is 500 km, so x = 500,000 is the meridian itself.
    assert record.geometry.x == pytest.approx(117, abs=1e-9)
    assert record.geometry.y == pytest.approx(39.896, abs=1e-3)


def test_broken_wkt_is_a_fault_of_its_row(tmp_path: Path) -> None:
    path = files.table(
        tmp_path / "t.csv", ("code", "wkt"), ("K1", "POINT (1"), ("K2", "POINT (1 2)")
    )
    first, second = read(path).records
    assert [f.code for f in first.faults] == ["wkt_broken"]
    assert second.geometry is not None


# Dates, counts, hours


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026/3/1", "2026.3.1", "2026年3月1日", "2026-03-01 00:00:00"]
)
def test_dates(text: str) -> None:
    assert read_date(text, "d") == date(2026, 3, 1)


@pytest.mark.parametrize("text", ["1/3/2026", "2026-02-30", "46082", "20260301", "soon"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(Unusable, match=r"is no date\. Write it as 2026-03-01\."):
        read_date(text, "opened_on")


def test_counts() -> None:
    assert [read_count(text, "desks", 99) for text in ("", "0", "4", "4.0")] == [0, 0, 4, 4]
    for text in ("-1", "4.5", "many", "100", "1e1"):
        with pytest.raises(Unusable):
            read_count(text, "desks", 99)


def spans(text: str) -> list[tuple[int, str, str, int]]:
    return [
        (w.weekday, f"{w.starts:%H:%M}", f"{w.ends:%H:%M}", w.visits) for w in read_windows(text)
    ]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon-Fri 07:00-08:30", [0, 1, 2, 3, 4]),
        ("周一至周五 07:00—08:30", [0, 1, 2, 3, 4]),
        ("1-5 07:00-08:30", [0, 1, 2, 3, 4]),
        ("工作日 7:00-8:30", [0, 1, 2, 3, 4]),
        ("周六、周日 07:00-08:30", [5, 6]),
        ("Sat,Sun 07:00-08:30", [5, 6]),
        ("Sat-Mon 07:00-08:30", [0, 5, 6]),
        ("07:00-08:30", [0, 1, 2, 3, 4, 5, 6]),
        ("每天 07：00至08：30", [0, 1, 2, 3, 4, 5, 6]),
        ("daily 07:00-08:30", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_hours_of_the_week(text: str, days: list[int]) -> None:
    assert spans(text) == [(day, "07:00", "08:30", 1) for day in days]


def test_several_spans_and_owed_visits() -> None:
    assert spans("Fri 18:00-24:00 x2; Sat 00:00-02:00; Fri 07:00-09:00") == [
        (4, "07:00", "09:00", 1),
        (4, "18:00", "23:59", 2),
        (5, "00:00", "02:00", 1),
    ]
    assert read_windows("") == []
    assert read_windows(" ; ") == []
    assert isinstance(read_windows("Mon 1:00-2:00")[0], Window)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mornings", "window_unreadable"),
        ("Mon-Fri", "window_unreadable"),
        ("Foo 07:00-08:00", "window_unreadable"),
        ("Mon 25:00-26:00", "window_unreadable"),
        ("Mon 07:60-08:00", "window_unreadable"),
        ("Fri 22:00-02:00", "window_reversed"),
        ("Mon 07:00-07:00", "window_reversed"),
        ("Mon 07:00-09:00; Mon-Wed 08:00-10:00", "window_overlap"),
    ],
)
def test_hours_that_cannot_be_read(text: str, code: str) -> None:
    with pytest.raises(Unusable) as refusal:
        read_windows(text)
    assert refusal.value.sentence.code == code
