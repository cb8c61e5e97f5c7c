"""简体中文 is whole: every sentence has its translation, with the same values and the set words."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from django.utils import translation
from django.utils.functional import Promise

from bureau.models import Role, UnitKind
from bureau.rules import UNITS, Rules, Source, described
from patrols.models import Category, Outcome
from stations.models import StationKind

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("frontend") / "locale" / "zh_Hans" / "LC_MESSAGES"
DOMAINS = ["django", "djangojs"]
APPS = ["bureau", "geo", "stations", "patrols", "realtime", "frontend", "config"]

PLACEHOLDER = re.compile(r"%\([a-z_]+\)[-+0-9.]*[a-z]|%%|%[sd]|\{[a-z_]*\}")
TAG = re.compile(r"</?[a-z]+")


@dataclass(frozen=True)
class Entry:
    """One message of a .po file; `translations` holds one text, as Chinese has no plural."""

    context: str
    source: str
    plural: str
    translations: tuple[str, ...]
    fuzzy: bool


def entries(path: Path) -> Iterator[Entry]:
    """The messages of a .po file as xgettext writes it, without the header and obsolete ones."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        parts: dict[str, str] = {}
        at = ""
        for line in block.splitlines():
            if found := re.match(r'(msg\w+(?:\[\d\])?) "(.*)"$', line):
                at = found[1]
                parts[at] = found[2]
            elif at and (found := re.match(r'"(.*)"$', line)):
                parts[at] += found[1]
        if parts.get("msgid"):
            yield Entry(
                parts.get("msgctxt", ""),
                parts["msgid"],
                parts.get("msgid_plural", ""),
                tuple(text for key, text in parts.items() if key.startswith("msgstr")),
                bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE)),
            )


def keys(path: Path) -> set[tuple[str, str, str]]:
    return {(one.context, one.source, one.plural) for one in entries(path)}


@pytest.fixture(params=DOMAINS)
def messages(request: pytest.FixtureRequest) -> list[Entry]:
    found = list(entries(ROOT / FOLDER / f"{request.param}.po"))
    assert len(found) > 50, "The file is no longer read as this test expects."
    return found


def test_every_message_is_translated(messages: list[Entry]) -> None:
    bare = [one.source for one in messages if not one.translations or "" in one.translations]
    assert bare == []
    assert [one.source for one in messages if one.fuzzy] == []


def test_values_and_tags_are_those_of_the_source(messages: list[Entry]) -> None:
    wrong = [
        (one.source, text)
        for one in messages
        for text in one.translations
        for mark in (PLACEHOLDER, TAG)
        if sorted(mark.findall(one.source)) != sorted(mark.findall(text))
    ]
    assert wrong == []


def test_words_to_avoid_are_avoided(messages: list[Entry]) -> None:
    """No word that accuses, watches people or ranks them by fines."""
    found = [
        (word, text)
        for one in messages
        for text in one.translations
        for word in ("脱岗", "缺岗", "旷工", "违纪", "监控", "排名", "电子围栏报警")
        if word in text
    ]
    assert found == []


def test_sentences_end_as_chinese_sentences_do(messages: list[Entry]) -> None:
    """A full stop of the source is a full-width one; commas beside Chinese are full-width too."""
    wrong = [
        text
        for one in messages
        for text in one.translations
        if (re.search(r"[^.]\.$", one.source) and re.search(r"[\u4e00-\u9fff)]\.$", text))
        or re.search(r"[\u4e00-\u9fff][,;:?!]", text)
    ]
    # What is typed keeps its own signs: the box of a map, the JSON of a calendar.
    assert [text for text in wrong if "西,南,东,北" not in text and "isOffDay" not in text] == []


def in_chinese(label: str | Promise) -> str:
    with translation.override("zh-hans"):
        return str(label)


def test_verdicts_have_the_words_of_the_glossary() -> None:
    assert {word.value: in_chinese(word.label) for word in Outcome} == {
        "met": "达标",
        "not_met": "未达标",
        "borderline": "临界待复核",
        "cannot_judge": "无法判定",
        "exempt": "免考核",
    }


def test_roles_and_people_have_the_words_of_the_glossary() -> None:
    """The role of a phone's user holds auxiliaries too, so it is not called 执法人员."""
    assert {role.value: in_chinese(role.label) for role in Role} == {
        "officer": "执勤人员",
        "dispatcher": "调度员",
        "supervisor": "勤务主管",
        "planner": "规划员",
        "administrator": "管理员",
        "inspector": "督察员",
    }
    assert [in_chinese(one.label) for one in Category] == ["执法人员", "协管员"]


def test_units_and_places_have_the_words_of_the_glossary() -> None:
    assert [in_chinese(one.label) for one in UnitKind] == ["执法局", "执法大队", "执法中队"]
    assert {one.value: in_chinese(one.label) for one in StationKind} == {
        "post_house": "城管驿站",
        "kiosk": "服务岗亭",
        "community_point": "社区工作站",
        "service_window": "便民窗口",
    }


def test_rules_are_chinese_with_unit_and_source() -> None:
    units = {unit for _, _, unit, _, _ in described()} - {""}
    assert units <= UNITS
    meanings = {meaning for _, _, _, _, meaning in described()}
    meanings |= {
        words for one in fields(Rules) for words in (one.metadata["choices"] or {}).values()
    }
    with translation.override("zh-hans"):
        for text in UNITS | meanings | {source.value for source in Source}:
            assert re.search(r"[\u4e00-\u9fff]", translation.gettext(text)), text


def test_nothing_is_said_that_the_files_do_not_hold(tmp_path: Path) -> None:
    """What `makemessages` finds today is in both files; else run it and translate."""
    if not shutil.which("xgettext"):
        pytest.skip("xgettext (package gettext) is not installed: new messages are not looked for")
    for app in APPS:
        shutil.copytree(
            ROOT / app,
            tmp_path / app,
            ignore=shutil.ignore_patterns("node_modules", "__pycache__", "migrations", "*.mo"),
        )
    shutil.copy(ROOT / "manage.py", tmp_path)
    environment = {**os.environ, "TANDEM_VAR": str(tmp_path / "var")}
    for domain in DOMAINS:
        found = subprocess.run(
            [sys.executable, "manage.py", "makemessages", "-l", "zh_Hans", "-d", domain]
            + ["--no-location", "--no-obsolete"]
            + (["--ignore", "frontend/static/*"] if domain == "django" else []),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert found.returncode == 0, found.stderr
        assert keys(tmp_path / FOLDER / f"{domain}.po") == keys(ROOT / FOLDER / f"{domain}.po")
