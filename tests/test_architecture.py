"""The house keeps its shape: one chain of apps, pure files, SQL in two places, honest locks."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each app may import those before it.
CHAIN = ["bureau", "geo", "stations", "patrols", "realtime", "frontend", "config"]

# Arrays and shapely, no Django. Folders hold pure files only.
PURE = [
    "bureau/errors.py",
    "bureau/holidays.py",
    "bureau/pinyin.py",
    "bureau/rules.py",
    "bureau/sentences.py",
    "bureau/thresholds.py",
    "bureau/week.py",
    "geo/files/archives.py",
    "geo/files/cell_values.py",
    "geo/datum.py",
    "geo/encounters.py",
    "geo/imports/report.py",
    "geo/streets/linework.py",
    "geo/faults.py",
    "geo/matching.py",
    "geo/modes.py",
    "geo/network.py",
    "geo/files/osm.py",
    "geo/plane.py",
    "geo/progress.py",
    "geo/roads.py",
    "geo/streets/finding.py",
    "geo/shared_phones.py",
    "geo/smoothing.py",
    "geo/stays.py",
    "geo/streets/graph.py",
    "geo/streets/kinds.py",
    "geo/streets/blocks.py",
    "geo/streets/succession.py",
    "geo/files/tables.py",
    "geo/together.py",
    "geo/track.py",
    "geo/two_phones.py",
    "geo/validation.py",
    "geo/visits.py",
    "geo/walks.py",
    "geo/week_windows.py",
    "patrols/admission.py",
    "patrols/company.py",
    "patrols/days.py",
    "patrols/demo/cast.py",
    "patrols/flags.py",
    "patrols/judges/",
    "patrols/live_judge.py",
    "patrols/live_places.py",
    "patrols/nearest.py",
    "patrols/push/",
    "patrols/replaying/fixes.py",
    "patrols/replaying/folder.py",
    "patrols/replaying/times.py",
    "patrols/simulation/",
    "patrols/wire/",
    "realtime/frames.py",
    "stations/coverage.py",
]
SQL = ["geo/queries.py", "patrols/storage.py", "patrols/storage/"]
STATEMENT = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|COPY|WITH|CREATE|ALTER|DROP|TRUNCATE)\s"
)
BANNED_NAMES = {"utils", "helpers", "managers", "services", "common", "base", "mixins", "signals"}
LONGEST = 450  # "about 400"
LONGEST_TEST = 600  # read case by case
# Longer files that stay whole, each with its reason.
LONG_FOR_A_REASON: dict[str, str] = {}


def tracked(*endings: str) -> list[Path]:
    """Files of the project, as git knows them, without those of this test's own machine."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name.endswith(endings)]
    return [path for path in paths if path.is_file()]


def app_files() -> list[Path]:
    return [path for path in tracked(".py") if path.relative_to(ROOT).parts[0] in CHAIN]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports_of(path: Path) -> set[str]:
    """Every module a file imports anywhere in it, functions included, as dotted names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports by a relative name."
            found.add(node.module or "")
    return found


def is_listed(path: Path, places: list[str]) -> bool:
    name = name_of(path)
    return any(name.startswith(place) if place.endswith("/") else name == place for place in places)


def test_there_is_something_to_check() -> None:
    apps = {path.relative_to(ROOT).parts[0] for path in app_files()}
    assert apps == set(CHAIN)


def test_imports_go_down_the_chain() -> None:
    upward = []
    for path in app_files():
        app = path.relative_to(ROOT).parts[0]
        for module in imports_of(path):
            top = module.split(".")[0]
            if top in CHAIN and CHAIN.index(top) > CHAIN.index(app):
                upward.append(f"{name_of(path)} imports {module}")
    assert upward == []


def test_pure_files_know_no_django() -> None:
    files = [path for path in app_files() if is_listed(path, PURE)]
    assert [place for place in PURE if not any(is_listed(path, [place]) for path in files)] == []
    impure = [
        f"{name_of(path)} imports {module}"
        for path in files
        for module in imports_of(path)
        if module.split(".")[0] in ("django", "rest_framework", "channels", "psycopg2", "redis")
        or re.fullmatch(r"(bureau|geo|stations|patrols|realtime)\.models(\..*)?", module)
    ]
    assert impure == []


def test_pure_files_import_pure_files_only() -> None:
    """Otherwise a pure file would load Django by way of another."""
    modules = {
        name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in app_files()
    }
    impure = []
    for path in app_files():
        if not is_listed(path, PURE):
            continue
        for module in imports_of(path):
            if module in modules and module not in CHAIN:
                target = modules[module]
                if not is_listed(target, PURE):
                    impure.append(f"{name_of(path)} imports {module}")
    assert impure == []


def test_pure_files_are_typed_strictly() -> None:
    """The same list stands in pyproject.toml, for mypy."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    (strict,) = [part for part in settings if part.get("disallow_untyped_calls")]
    modules = [
        place.removesuffix(".py").rstrip("/").replace("/", ".") + (".*" if place[-1] == "/" else "")
        for place in PURE
    ]
    assert sorted(strict["module"]) == sorted(modules)


def sql_by_hand(path: Path) -> list[str]:
    """Statements in a file's text, and Django's doors for pieces of SQL."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Constant(value=str(text)) if STATEMENT.match(text):
                found.append(f"{name_of(path)}:{node.lineno}")
            case ast.Name(id="RawSQL") | ast.Call(func=ast.Attribute(attr="extra")):
                found.append(f"{name_of(path)}:{node.lineno}")
    return found


def test_sql_by_hand_is_found() -> None:
    assert sql_by_hand(ROOT / "geo" / "queries.py")


def test_sql_by_hand_stands_in_two_places() -> None:
    found = [
        place
        for path in app_files()
        if not is_listed(path, SQL) and "/migrations/" not in name_of(path)
        for place in sql_by_hand(path)
    ]
    assert found == []


def test_files_are_named_by_a_noun_of_the_domain() -> None:
    parts = [
        name_of(path)
        for path in app_files()
        if BANNED_NAMES & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]
    assert parts == []


def test_files_are_short_enough_to_read() -> None:
    long = {}
    for path in tracked(".py"):
        name, lines = name_of(path), len(path.read_text().splitlines())
        limit = LONGEST_TEST if name.startswith("tests/") else LONGEST
        if lines > limit and "/migrations/" not in name and name not in LONG_FOR_A_REASON:
            long[name] = lines
    assert long == {}, "Split them by noun."


def test_the_list_of_long_files_is_current() -> None:
    short = [
        name
        for name in LONG_FOR_A_REASON
        if not (ROOT / name).exists() or len((ROOT / name).read_text().splitlines()) <= LONGEST
    ]
    assert short == []


def test_psycopg_3_is_not_installed() -> None:
    """Django would take it in the place of psycopg2, for which the storage is written."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("psycopg")
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert not re.search(r"^psycopg(\[.*\])?==", lock.read_text(), re.MULTILINE)


def test_redis_py_stays_below_8() -> None:
    assert int(importlib.metadata.version("redis").split(".")[0]) < 8


def test_locks_name_no_registry() -> None:
    """Whoever installs chooses the mirror; a lock that names one would bypass it."""
    for lock in [
        *(ROOT / "requirements").glob("*.txt"),
        ROOT / "frontend" / "package-lock.json",
    ]:
        text = lock.read_text()
        assert "--index-url" not in text
        assert "--extra-index-url" not in text
        assert '"resolved"' not in text


def test_every_python_requirement_is_locked_with_its_hash() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        blocks = re.split(r"\n(?=[a-zA-Z0-9])", lock.read_text().strip())
        unlocked = [block.split("\n")[0] for block in blocks if "--hash=sha256:" not in block]
        assert unlocked == [], lock.name
