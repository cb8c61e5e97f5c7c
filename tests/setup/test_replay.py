"""`make replay`: what it says before it installs or starts anything."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.mark.parametrize(("folder", "out"), [("", "out"), ("folder", ""), ("", "")])
def test_folder_and_out_must_be_named(folder: str, out: str) -> None:
    product, console = (importlib.import_module(name) for name in ("product", "console"))
    with pytest.raises(console.Stop, match=r"DIR=/path/folder OUT=/path/answers"):
        product.replay(folder, out)


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    product, console = (importlib.import_module(name) for name in ("product", "console"))
    with pytest.raises(console.Stop, match="is no folder"):
        product.replay(str(tmp_path / "nowhere"), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
