"""Which Python the program runs on, and what is said when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


def pretend(path: Path, words: str) -> Path:
    """An executable that prints `words`, as a Python of that version would, or fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose PATH and pyenv hold nothing; uv finds and fetches nothing."""
    import console
    import environment

    monkeypatch.delenv("PYTHON", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(
        environment,
        "which",
        lambda name: str(p) if (p := tmp_path / "bin" / name).exists() else None,
    )
    monkeypatch.setattr(sys, "executable", str(pretend(tmp_path / "old", "echo 3 11")))
    monkeypatch.setattr(environment, "LOG", tmp_path / "setup.log")
    assert console.ROOT == environment.ROOT
    pretend(tmp_path / "bin" / "env", "exit 1")
    return tmp_path


def find(machine: Path) -> str:
    import environment

    return environment.find_python(pretend(machine / "uv", "exit 2"))


def test_the_preferred_version_is_taken_wherever_it_stands(bare: Path) -> None:
    pretend(bare / "bin" / "python3.12", "echo 3 12")
    pretend(bare / "bin" / "python3.14", "echo 3 14")
    best = pretend(bare / "pyenv" / "versions" / "3.13.0" / "bin" / "python", "echo 3 13")
    assert find(bare) == str(best)


def test_a_shim_that_leads_nowhere_is_passed_over(bare: Path) -> None:
    pretend(bare / "bin" / "python3.13", "exit 127")
    works = pretend(bare / "bin" / "python3.12", "echo 3 12")
    assert find(bare) == str(works)


def test_none_at_all_is_one_sentence_that_says_what_to_do(bare: Path) -> None:
    from console import Stop

    with pytest.raises(Stop, match=r"make run PYTHON=/path/to/python3\.13"):
        find(bare)


@pytest.mark.parametrize(
    ("words", "says"), [("echo 3 11", "is too old"), ("exit 1", "does not run")]
)
def test_a_named_one_must_do(
    bare: Path, monkeypatch: pytest.MonkeyPatch, words: str, says: str
) -> None:
    from console import Stop

    monkeypatch.setenv("PYTHON", str(pretend(bare / "mine", words)))
    with pytest.raises(Stop, match=says):
        find(bare)


def test_a_named_one_is_taken(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = pretend(bare / "mine", "echo 3 12")
    pretend(bare / "bin" / "python3.13", "echo 3 13")
    monkeypatch.setenv("PYTHON", str(mine))
    assert find(bare) == str(mine)
