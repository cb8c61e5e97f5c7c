"""Where settings come from, and what follows from them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import environment
from config.settings import read_database_url

ROOT = Path(__file__).resolve().parents[2]


def in_a_new_process(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python code against freshly read settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**kept, "TANDEM_FILES": "no", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def setting(name: str, tmp_path: Path, **variables: str) -> str:
    done = in_a_new_process(
        f"from config import settings; print(settings.{name})",
        TANDEM_VAR=str(tmp_path),
        **variables,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_database_on_the_network() -> None:
    entry = read_database_url("postgres://tan:p%40ss@db.example:5433/patrols?sslmode=require")
    assert entry["NAME"] == "patrols"
    assert entry["USER"] == "tan"
    assert entry["PASSWORD"] == "p@ss"
    assert entry["HOST"] == "db.example"
    assert entry["PORT"] == "5433"
    assert entry["OPTIONS"] == {"sslmode": "require"}


def test_a_database_behind_a_socket() -> None:
    entry = read_database_url("postgres://tandem@/tandem?host=%2Fsrv%2Fa%20b%2Frun")
    assert (entry["NAME"], entry["USER"], entry["HOST"], entry["PORT"]) == (
        "tandem",
        "tandem",
        "/srv/a b/run",
        "",
    )


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = setting("SECRET_KEY", tmp_path)
    assert len(first) >= 50
    assert setting("SECRET_KEY", tmp_path) == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.glob("secret_key.*")) == []


def test_a_given_key_is_used_and_none_is_written(tmp_path: Path) -> None:
    assert setting("SECRET_KEY", tmp_path, SECRET_KEY="given") == "given"
    assert not (tmp_path / "secret_key").exists()


def test_https_makes_cookies_secure(tmp_path: Path) -> None:
    assert setting("SESSION_COOKIE_SECURE", tmp_path) == "False"
    https = {"PUBLIC_ADDRESS": "https://tandem.example/"}
    assert setting("SESSION_COOKIE_SECURE", tmp_path, **https) == "True"
    assert setting("CSRF_TRUSTED_ORIGINS", tmp_path, **https) == "['https://tandem.example']"


def test_an_empty_value_counts_as_absent(tmp_path: Path) -> None:
    assert setting("LOG_LEVEL", tmp_path, LOG_LEVEL="") == "INFO"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("DEBUG", "maybe", "DEBUG=maybe: say yes or no."), ("SESSION_IDLE_S", "2h", "give a number")],
)
def test_a_wrong_value_is_named(name: str, value: str, says: str, tmp_path: Path) -> None:
    done = in_a_new_process("import config.settings", TANDEM_VAR=str(tmp_path), **{name: value})
    assert done.returncode != 0
    assert says in done.stderr


def test_lines_of_an_env_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# a comment\nSITE=tandem.example\nDEMO='no'\n\nEMPTY=\nnot a pair\n")
    assert environment.read_file(file) == {"SITE": "tandem.example", "DEMO": "no", "EMPTY": ""}
    assert environment.read_file(tmp_path / "absent") == {}
