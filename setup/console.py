"""What the set-up scripts say and run. Standard library only, Python 3.9 and later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"


class Stop(Exception):
    """Set-up cannot go on; the message is one sentence that says what to do."""


class Terminated(KeyboardInterrupt):
    """We were told to end by another process, which has not told our children."""


def say(text: str) -> None:
    """One line to the person at the terminal."""
    print(text, flush=True)


def run(
    command: Sequence[str | Path],
    *,
    otherwise: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    log: Path | None = None,
) -> None:
    """Run a command to its end; on failure raise Stop with the sentence `otherwise`.

    With `log`, the command's output goes to that file and its last lines are shown on failure.
    """
    words = [str(word) for word in command]
    try:
        if log is None:
            subprocess.run(words, check=True, env=env, cwd=cwd, stdin=subprocess.DEVNULL)
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            begin = sink.tell()
            subprocess.run(
                words,
                check=True,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
    except FileNotFoundError as error:
        raise Stop(f"{words[0]} is not installed. {otherwise}") from error
    except subprocess.CalledProcessError as error:
        if log is not None:
            said = log.read_bytes()[begin:].decode(errors="replace").strip().splitlines()
            for line in said[-15:]:
                print(f"  {line}", file=sys.stderr, flush=True)
        raise Stop(otherwise) from error


def call(command: Sequence[str | Path], env: Mapping[str, str]) -> int:
    """Run a command that speaks for itself; on Ctrl-C let it end in its own way first."""
    child = subprocess.Popen([str(word) for word in command], cwd=ROOT, env=env)
    try:
        return child.wait()
    except Terminated:
        child.send_signal(signal.SIGINT)
        child.wait()
        raise
    except KeyboardInterrupt:  # the terminal has told the child too
        child.wait()
        raise


def output(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout_s: float = 30
) -> str | None:
    """What a command prints, or None if it is absent, fails or takes too long."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            env=env,
            cwd=ROOT,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.rstrip() if done.returncode == 0 else None


def which(name: str) -> str | None:
    """The full path of a program, looking into the system folders a user's PATH may lack."""
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/sbin", "/usr/bin"]:
        candidate = Path(folder or ".") / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    return None
