"""Where settings come from: the process environment, then `.env`, then the private servers' file.

No Django here; settings.py is the only reader.
"""

from __future__ import annotations

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("TANDEM_VAR") or BASE_DIR / "var")


def read_file(path: Path) -> dict[str, str]:
    """NAME=value lines of a file, without comments and quotes; {} if there is no such file."""
    if not path.is_file():
        return {}
    pairs = (line.strip().partition("=") for line in path.read_text().splitlines())
    return {
        name.strip(): value.strip().strip("\"'")
        for name, equals, value in pairs
        if equals and not name.startswith("#")
    }


# `.env` is a bureau's own; var/servers.env is written by `make run`, so that a management command
# in another terminal finds the private database and Redis. Tests must not meet either.
_FILES = (
    {}
    if os.environ.get("TANDEM_FILES") == "no"
    else read_file(VAR_DIR / "servers.env") | read_file(BASE_DIR / ".env")
)


def text(name: str, default: str) -> str:
    """A setting; an empty value counts as absent."""
    return os.environ.get(name) or _FILES.get(name) or default


def yes(name: str, default: bool) -> bool:
    """A yes/no setting. Raises ValueError for other words: a typing error must not mean "no"."""
    word = text(name, "yes" if default else "no").lower()
    if word in ("yes", "true", "1", "on"):
        return True
    if word in ("no", "false", "0", "off"):
        return False
    raise ValueError(f"{name}={word}: say yes or no.")


def number(name: str, default: float) -> float:
    """A number setting. Raises ValueError with the name of a wrong one."""
    word = text(name, str(default))
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{name}={word}: give a number.") from None


def words(name: str, default: str) -> list[str]:
    """A list setting, separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]
