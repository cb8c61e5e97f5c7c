"""`make test`, `make check` and `make bench`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import environment
import packages
from console import ROOT, VAR, Stop, call, say
from environment import FRONTEND, VENV, VENV_PYTHON
from product import held, passing_servers, ready
from servers import Servers

TOOLS = VENV / "bin"


def test(words: list[str]) -> int:
    """`make test`: pytest with its own servers; pytest's last line is the last line."""
    env = _tools_environment()
    ready(env, tests=True)
    env["TANDEM_DEMO_CITY"] = str(environment.city_extract())
    env["TANDEM_CHROMIUM"] = packages.chromium_program() or ""
    with _servers(env) as full:
        return call([VENV_PYTHON, "-m", "pytest", *_on_every_core(words), *words], full)


def _on_every_core(words: list[str]) -> list[str]:
    """Whole files to each core, browser tests last in each; chosen tests run in one process."""
    cores = min(os.cpu_count() or 1, 4)
    if cores < 2 or any(not word.startswith("--durations") for word in words):
        return []
    return ["-n", str(cores), "--dist", "loadfile", "--no-loadscope-reorder"]


def check() -> int:
    """`make check`: every linter and type check, all of them even if one fails."""
    env = _tools_environment()
    ready(env, tests=True, types=True)
    failed: list[str] = []
    with _servers(env) as full:
        for name, command, more in _checks():
            say(f"— {name}")
            if call(command, {**full, **more}) != 0:
                failed.append(name)
    if failed:
        raise Stop(f"Failed: {', '.join(failed)}.")
    say("All checks passed.")
    return 0


def bench(words: list[str]) -> int:
    """`make bench`: each measurement of bench/ by itself; `ONLY=verdicts` for one."""
    env = _tools_environment()
    # The page is measured in a browser, which only the tests need otherwise.
    ready(env, tests=not words or "page" in words)
    env["TANDEM_DEMO_CITY"] = str(environment.city_extract())
    env["TANDEM_CHROMIUM"] = packages.chromium_program() or ""
    # What has a main() is a measurement; the other files serve them.
    all_names = [
        path.stem
        for path in sorted((ROOT / "bench").glob("*.py"))
        if "\n    main()\n" in path.read_text()
    ]
    if unknown := set(words) - set(all_names):
        raise Stop(f"bench/ has no {', '.join(unknown)}: there are {', '.join(all_names)}.")
    if "verdicts" in (words or all_names):
        environment.bench_peers()
    failed = []
    with _servers(env, VAR / "bench", durable=True) as full:
        for name in words or all_names:
            say(f"— {name}")
            if call([VENV_PYTHON, "-m", f"bench.{name}"], full) != 0:
                failed.append(name)
    if failed:
        raise Stop(f"Failed: {', '.join(failed)}.")
    return 0


def soak(minutes: str, phones: str) -> int:
    """`make soak`: minutes of steady load from simulated phones; `MINUTES=5 PHONES=2000`."""
    try:
        lasts, count = float(minutes or 5), int(phones or 2000)
    except ValueError:
        lasts, count = 0, 0
    if not (0.5 <= lasts <= 600 and 1 <= count <= 20_000):
        raise Stop(
            "Give MINUTES from 0.5 to 600 and PHONES from 1 to 20000: `make soak MINUTES=5`."
        )
    env = _tools_environment()
    ready(env, tests=True, browser=False)
    with _servers(env, VAR / "bench", durable=True) as full:
        return call([VENV_PYTHON, "-m", "bench.soak", str(lasts), str(count)], full)


def fuzz(minutes: str) -> int:
    """`make fuzz`: bytes of all kinds through the readers of the wire formats; `MINUTES=2`."""
    try:
        lasts_s = round(60 * float(minutes or 2))
    except ValueError:
        lasts_s = 0
    if not 10 <= lasts_s <= 24 * 3600:
        raise Stop("Give MINUTES from 0.2 to 1440: `make fuzz MINUTES=2`.")
    env = _tools_environment()
    ready(env, tests=True, browser=False)
    place = environment.fuzzer()
    if place is None:
        say("SKIPPED: the fuzzer has no build for this Python (requirements/fuzz.in).")
        return 0
    env["PYTHONPATH"] = str(place)
    found = VAR / "test" / "fuzz-"
    found.parent.mkdir(parents=True, exist_ok=True)
    words = [f"-max_total_time={lasts_s}", f"-artifact_prefix={found}", "-print_final_stats=1"]
    return call([VENV_PYTHON, "-m", "tests.wire.fuzz", *words], env)


def _checks() -> list[tuple[str, list[str | Path], dict[str, str]]]:
    """(name, command, more environment) of each check."""
    manage: list[str | Path] = [VENV_PYTHON, ROOT / "manage.py"]
    # Django's deployment checks ask about the settings of a bureau's server.
    server = {"PUBLIC_ADDRESS": "https://tandem.example", "ALLOWED_HOSTS": "tandem.example"}
    shell = [".ci/run", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("deploy/*.sh"))]
    return [
        ("ruff check", [TOOLS / "ruff", "check", "."], {}),
        ("ruff format", [TOOLS / "ruff", "format", "--check", "."], {}),
        ("mypy", [TOOLS / "mypy"], {}),
        ("models and migrations agree", [*manage, "makemigrations", "--check", "--dry-run"], {}),
        (
            "Django's own checks, as deployed",
            [*manage, "check", "--deploy", "--fail-level", "WARNING"],
            server,
        ),
        (
            "types of the browser scripts",
            ["npm", "run", "--silent", "--prefix", FRONTEND, "types"],
            {},
        ),
        ("shell scripts", [TOOLS / "shellcheck", *shell], {}),
        ("YAML", [TOOLS / "yamllint", "--strict", "docker-compose.yml"], {}),
        (
            "compose file",
            [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
            + ["docker-compose.yml"],
            {},
        ),
        ("Dockerfile", [TOOLS / "hadolint", "Dockerfile"], {}),
    ]


def _tools_environment() -> dict[str, str]:
    """The machine's environment without the product's own settings: tests expect the defaults."""
    ours = ("PUBLIC_ADDRESS", "ALLOWED_HOSTS", "BEHIND_PROXY", "DEBUG", "SECRET_KEY", "HOST")
    env = {name: value for name, value in os.environ.items() if value and name not in ours}
    return {**env, "TANDEM_FILES": "no", "TANDEM_VAR": str(VAR / "test" / "var")}


@contextmanager
def _servers(
    env: dict[str, str], folder: Path = VAR / "test", *, durable: bool = False
) -> Iterator[dict[str, str]]:
    """The environment with servers whose data may go; one run at a time in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = "Tests, checks or benchmarks run in this folder already: wait for them to end."
    with (
        held(folder / "running.lock", lambda: taken),
        passing_servers(env, Servers(folder, durable=durable)) as full,
    ):
        yield full
