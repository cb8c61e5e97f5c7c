"""A database with people on duty and their phones: `python -m tests.faults.people COUNT`.

A process of its own, because the tests' own Django looks at another database. Phone n has the
secret that `secret_of` gives.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta


def secret_of(n: int) -> str:
    """The secret of the n-th phone."""
    return f"simulated-secret-{n:06d}"


def main() -> None:
    """Make the tables, then the people."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import transaction

    call_command("migrate", verbosity=0, skip_checks=True)
    from tests import make

    now = datetime.now(UTC)
    with transaction.atomic():
        squad = make.unit(make.bureau())
        for n in range(int(sys.argv[1])):
            person = make.person(squad, certified=False)
            make.phone(person, secret_of(n))
            make.shift(person, now - timedelta(hours=12), now + timedelta(hours=12))


if __name__ == "__main__":
    main()
