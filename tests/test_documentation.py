"""What the README says of settings, commands and files is so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "config" / "settings.py").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def table_of_settings() -> set[str]:
    """Names in the first column of the README's table of settings."""
    part = README.split("## Settings")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([A-Z_]+)` \|", part, re.MULTILINE))


def test_every_setting_is_in_the_readme_and_every_one_there_exists() -> None:
    read = set(re.findall(r'\b(?:text|words|yes|number)\("([A-Z_]+)"', SETTINGS))
    environment = (ROOT / "config" / "environment.py").read_text()
    read |= set(re.findall(r'os\.environ\.get\("(TANDEM_VAR)"', environment))
    assert read, "The settings are no longer read as this test expects."
    assert table_of_settings() == read


def test_every_variable_is_read_at_the_top_of_the_settings() -> None:
    """So that one look tells what can be set; elsewhere the environment is not asked."""
    apps = ["bureau", "geo", "stations", "patrols", "realtime", "frontend", "config"]
    elsewhere = [
        path.relative_to(ROOT).as_posix()
        for app in apps
        for path in (ROOT / app).rglob("*.py")
        if "node_modules" not in path.parts
        and re.search(r"os\.(environ\b(?!\.setdefault)|getenv)", path.read_text())
        and path != ROOT / "config" / "environment.py"
    ]
    assert elsewhere == []


def test_the_make_commands_of_the_pages_exist() -> None:
    known = set(re.search(r"\.PHONY: (.*)", MAKEFILE)[1].split())  # type: ignore[index]
    pages = README + (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", pages, re.MULTILINE))
    assert named
    assert named <= known
    listed = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^make ([a-z]+)", listed, re.MULTILINE)) == known - {"help"}


def test_the_management_commands_of_the_pages_exist() -> None:
    pages = README + (ROOT / "docs" / "operations.md").read_text()
    named = set(re.findall(r'(?:manage\.py|DO=")\s*([a-z_]{4,})', pages)) - {"help"}
    ours = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    assert named <= ours | {"axes_reset"}


def test_the_tree_of_the_readme_is_there() -> None:
    tree = README.split("## How it is built")[1].split("```")[1]
    folders = re.findall(r"^([a-z]+)/ ", tree, re.MULTILINE)
    assert len(folders) >= 10
    missing = [folder for folder in folders if not (ROOT / folder).is_dir()]
    assert missing == []


def test_links_between_the_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
