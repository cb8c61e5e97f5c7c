"""Acts on accounts: language, passwords, one-time links."""

from __future__ import annotations

from bureau.models import User


def choose_language(user: User, code: str) -> None:
    """Keep the language the user chose."""
    user.language = code
    user.save(update_fields=["language"])
