"""What the Makefile calls: run, test, check, manage, backup and the rest of `make help`.

Standard library only, Python 3.9 and later; everything else is installed by `environment.py`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys

sys.dont_write_bytecode = True  # a later run as another user must not trip over our files

import backups  # noqa: E402
import checks  # noqa: E402
import environment  # noqa: E402
import product  # noqa: E402
from console import ROOT, VAR, Stop, Terminated, say  # noqa: E402
from servers import Servers  # noqa: E402

OLDEST = (3, 9)


def main() -> int:
    """Do what the first word says; an error is one sentence and exit code 1."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""

    def terminated(signum: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminated)
    signal.signal(signal.SIGHUP, terminated)
    try:
        if sys.version_info < OLDEST:
            raise Stop("The set-up needs Python 3.9 or newer as `python3`.")
        if command == "run":
            return product.start()
        if command == "stop":
            return product.stop()
        if command == "manage":
            return product.manage(shlex.split(os.environ.get("DO", "")))
        if command == "replay":
            return product.replay(os.environ.get("DIR", ""), os.environ.get("OUT", ""))
        if command == "test":
            return checks.test(shlex.split(os.environ.get("ARGS", "")))
        if command == "check":
            return checks.check()
        if command == "bench":
            return checks.bench(shlex.split(os.environ.get("ONLY") or os.environ.get("ARGS", "")))
        if command == "soak":
            return checks.soak(os.environ.get("MINUTES", ""), os.environ.get("PHONES", ""))
        if command == "fuzz":
            return checks.fuzz(os.environ.get("MINUTES", ""))
        if command == "backup":
            return backups.backup(os.environ.get("FILE", ""))
        if command == "restore":
            return backups.restore(os.environ.get("FILE", ""))
        if command == "lock":
            environment.lock()
            return 0
        if command == "clean":
            return clean()
        if command == "wipe":
            return wipe()
        raise Stop(f"Unknown command {command}: see `make help`.")
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def clean() -> int:
    """`make clean`: what `make run` can install again. The database stays."""
    product.stop()
    _remove_installed()
    say("Removed what was installed into this folder. The database is kept in var/.")
    return 0


def _remove_installed() -> None:
    for folder in (VAR / "test", *(VAR / "test").glob("faults-*")):
        Servers(folder, durable=False).clear()
    Servers(VAR / "bench").clear()
    Servers(VAR / "replay", durable=False).clear()
    for place in (
        environment.VENV,
        environment.FRONTEND / "node_modules",
        *(
            VAR / name
            for name in ("uv", "demo", "test", "bench", "fuzz", "replay", "static", "log")
        ),
        *(ROOT / name for name in (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")),
    ):
        shutil.rmtree(place, ignore_errors=True)


def wipe() -> int:
    """`make wipe SURE=yes`: the private database and everything else that was made here."""
    if os.environ.get("SURE") != "yes":
        raise Stop(
            "This deletes the database of this folder: if you mean it, `make wipe SURE=yes`."
        )
    product.stop()
    _remove_installed()
    Servers().clear()
    shutil.rmtree(VAR, ignore_errors=True)
    say("Removed what was installed into this folder, its database and var/.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
