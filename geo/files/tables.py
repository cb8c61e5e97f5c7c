"""CSV and XLSX files → rows of text, with the row numbers that a spreadsheet shows.

Pure. Nothing is guessed from a cell's look: numbers and dates become plain text, empty cells
become "", and a cell that holds a formula is a fault of its row, since what it would show is not
in the file for sure.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from bureau.sentences import Sentence, Unusable, gettext_noop, unusable
from geo.files.archives import check_zip

MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 200
MOST_CELL: Final = 2_000_000  # characters: the outline of a district as text is long
MOST_EMPTY_ROWS: Final = 1_000  # in a row; a formatted but empty sheet has a million


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: `values` by column name as written in the header, `faults` of its cells."""

    number: int
    values: Mapping[str, str]
    faults: Sequence[Sentence] = field(default_factory=tuple)


def read_table(path: Path, kind: str) -> Iterator[TableRow]:
    """Rows of a CSV or XLSX file; `kind` is "csv" or "xlsx".

    The header is row 1; row numbers count as a spreadsheet does. Raises Unusable for a file that
    is broken, empty, without a header, with a column twice, or out of the limits.
    """
    rows = _csv_rows(path) if kind == "csv" else _xlsx_rows(path)
    header: list[str] | None = None
    seen = 0
    for number, cells, faults in rows:
        texts = [cell.strip() for cell in cells]
        if header is None:
            if not any(texts):
                continue
            header = _header(texts)
            continue
        if not any(texts) and not faults:
            continue
        seen += 1
        if seen > MOST_ROWS:
            raise unusable(
                "table_too_long",
                gettext_noop("The table has more than %(most)d rows. Split it."),
                {"most": MOST_ROWS},
            )
        extra = [text for text in texts[len(header) :] if text]
        if extra:
            faults = [
                *faults,
                Sentence(
                    "cells_beyond_header",
                    gettext_noop(
                        "The row has more cells than the header has columns; a comma inside a "
                        "text needs quotes."
                    ),
                ),
            ]
        padded = texts + [""] * (len(header) - len(texts))
        values = {name: text for name, text in zip(header, padded, strict=False) if name}
        yield TableRow(number, values, tuple(faults))
    if header is None:
        raise unusable("table_empty", gettext_noop("The table is empty: it has no header row."))


def _header(texts: list[str]) -> list[str]:
    while texts and not texts[-1]:
        texts = texts[:-1]
    if len(texts) > MOST_COLUMNS:
        raise unusable(
            "table_too_wide",
            gettext_noop("The table has more than %(most)d columns. Keep those that are needed."),
            {"most": MOST_COLUMNS},
        )
    names = [text for text in texts if text]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise unusable(
            "column_twice",
            gettext_noop("The column %(name)s is there twice. Rename one."),
            {"name": twice[0]},
        )
    return texts


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str], list[Sentence]]]:
    text = decode(path.read_bytes())
    if "\x00" in text:
        raise unusable(
            "csv_binary", gettext_noop("This is no text file. Save the table as CSV (UTF-8).")
        )
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    before = csv.field_size_limit(MOST_CELL)
    try:
        reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
        for number, cells in enumerate(reader, start=1):
            faults = [_formula(at) for at, cell in enumerate(cells) if cell.startswith("=")]
            yield number, cells, faults
    except csv.Error as error:
        raise unusable(
            "csv_broken",
            gettext_noop("Line %(line)d cannot be read as CSV (%(why)s)."),
            {"line": reader.line_num, "why": str(error)},
        ) from None
    finally:
        csv.field_size_limit(before)


def decode(raw: bytes) -> str:
    """Text of a file in UTF-8, in UTF-16 with its mark, or in GB 18030 (GBK, GB 2312)."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            pass
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if text and not reads_like_gbk(text):
        return text
    try:
        return raw.decode("gb18030")  # contains GBK and GB 2312
    except UnicodeDecodeError:
        if text:
            return text
    raise unusable(
        "encoding_unknown",
        gettext_noop("The text is neither UTF-8 nor GBK. Save the file as UTF-8."),
    )


def reads_like_gbk(text: str) -> bool:
    """Whether text that was decoded as UTF-8 is more likely GBK.

    Some GBK characters are the bytes of a UTF-8 sign by chance (路 is that of "·"). Real UTF-8
    has letters where it leaves ASCII: Chinese ones, or accented ones in European names.
    """
    beyond = [letter for letter in text if ord(letter) > 127]
    if any(ord(letter) > 0x7FF and letter != "\ufffd" for letter in beyond):
        return text.count("\ufffd") > 0.1 * len(beyond)
    return sum(not letter.isalpha() for letter in beyond) > 0.5 * len(beyond)


def _xlsx_rows(path: Path) -> Iterator[tuple[int, list[str], list[Sentence]]]:
    import openpyxl  # slow to import, and only spreadsheets need it

    check_zip(path)
    try:
        # Our own handle: the library leaves its own open when a file is broken.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that are not read
            book = openpyxl.load_workbook(file, read_only=True, data_only=False)
            rows = list(_sheet_rows(book))
    except Unusable:
        raise
    except (BadZipFile, KeyError, ValueError, TypeError, OSError, SyntaxError, EOFError):
        # SyntaxError: what the XML parser raises for broken XML.
        raise unusable(
            "xlsx_broken",
            gettext_noop("This is no readable XLSX workbook. Save it again as .xlsx or CSV."),
        ) from None
    yield from rows


def _sheet_rows(book: Any) -> Iterator[tuple[int, list[str], list[Sentence]]]:
    if not book.worksheets:
        raise unusable("table_empty", gettext_noop("The workbook has no sheet with a table."))
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # the file's own word on its size may be wrong
    empty = 0
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        texts: list[str] = []
        faults: list[Sentence] = []
        for at, cell in enumerate(cells[: MOST_COLUMNS + 1]):
            if cell.data_type == "f":
                faults.append(_formula(at))
                texts.append("")
            elif cell.data_type == "e":
                faults.append(_error_cell(at, str(cell.value)))
                texts.append("")
            else:
                texts.append(cell_text(cell.value))
        empty = 0 if any(texts) or faults else empty + 1
        if empty > MOST_EMPTY_ROWS or number > 2 * MOST_ROWS:
            break
        yield number, texts, faults


def _formula(at: int) -> Sentence:
    return Sentence(
        "formula_cell",
        gettext_noop("Column %(column)s holds a formula. Paste its value instead."),
        {"column": _letters(at)},
    )


def _error_cell(at: int, value: str) -> Sentence:
    return Sentence(
        "error_cell",
        gettext_noop("Column %(column)s shows the error %(error)s."),
        {"column": _letters(at), "error": value},
    )


def _letters(at: int) -> str:
    letters = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def cell_text(value: Any) -> str:
    """The text of a spreadsheet's value: dates in ISO form, whole numbers without ".0"."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time(0) else value.isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


# Columns are found by any of their names, whatever the case, spaces and punctuation.


def plain(name: str) -> str:
    """A column name without case, spaces and punctuation: "Badge No." is "badgeno"."""
    return re.sub(r"[\W_]+", "", name).lower()


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a file holds which field."""

    found: Mapping[str, str]

    @classmethod
    def of(
        cls,
        header: Sequence[str],
        known: Mapping[str, Sequence[str]],
        required: Sequence[str] = (),
    ) -> Columns:
        """Find the known fields among a file's columns.

        known: field → its accepted column names, English and Chinese; the field's own name is
        always accepted. Raises Unusable that names the missing columns and those that are there.
        """
        by_plain = {plain(name): name for name in reversed(header)}
        found = {}
        for key, names in known.items():
            for name in (key, *names):
                if plain(name) in by_plain:
                    found[key] = by_plain[plain(name)]
                    break
        missing = [key for key in required if key not in found]
        if missing:
            names = "; ".join(" or ".join((key, *known[key])) for key in missing)
            there = ", ".join(name for name in header if name) or "none"
            raise unusable(
                "column_missing",
                gettext_noop("A column is missing: %(names)s. The file has: %(there)s."),
                {"names": names, "there": there},
            )
        return cls(found)

    def get(self, values: Mapping[str, str], field: str) -> str:
        """The text of a field in a row, "" when the file has no such column."""
        name = self.found.get(field)
        return values.get(name, "").strip() if name is not None else ""

    def __contains__(self, field: str) -> bool:
        return field in self.found
