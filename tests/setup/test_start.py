"""What `make run` says before it does anything: ports, hosts, cities, a second start."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, so that a Tandem which runs here is not met."""
    import product

    monkeypatch.setattr(product, "VAR", tmp_path)
    monkeypatch.setattr(product, "LOCK", tmp_path / "running.lock")
    monkeypatch.setattr(product, "ROOT", tmp_path)
    for name in ("HOST", "PORT", "DEMO", "CITY", "PUBLIC_ADDRESS", "ALLOWED_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    import product
    from console import Stop

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Stop) as caught:
        product.start()
    return str(caught.value)


def test_a_busy_port_is_said(busy_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, PORT=str(busy_port))
    assert said == (
        f"Port {busy_port} is in use by another program: choose another, for example "
        f"`make run PORT={busy_port + 1}`."
    )


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_port_that_is_none(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(monkeypatch, PORT=port).startswith(f"PORT={port} is no port")


def test_a_host_that_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, HOST="192.0.2.9", PORT="8000")
    assert said.startswith("HOST=192.0.2.9 is no address of this machine")


def test_a_city_that_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, CITY="/nowhere/city.osm.pbf")
    assert said.startswith("CITY=/nowhere/city.osm.pbf is not a file")


def test_a_second_start_names_the_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (folder / "running.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        json.dump({"pid": os.getpid(), "port": "8000"}, lock)
        lock.flush()
        assert f"already runs from this folder (process {os.getpid()})" in refusal(monkeypatch)


def test_this_machine_only_unless_a_host_is_given() -> None:
    import product

    env = {"HOST": "localhost", "PORT": "8001"}
    product._name_hosts(env)
    assert env["HOST"] == "127.0.0.1"
    assert env["PUBLIC_ADDRESS"] == "http://localhost:8001"
    assert "ALLOWED_HOSTS" not in env


def test_the_network_is_served_by_the_names_it_knows_us_by() -> None:
    import product

    env = {"HOST": "0.0.0.0", "PORT": "8001"}  # noqa: S104
    product._name_hosts(env)
    assert socket.gethostname() in env["ALLOWED_HOSTS"].split(",")
    assert env["LOCAL_ADDRESS"] == "http://127.0.0.1:8001"
    assert "0.0.0.0" not in env["PUBLIC_ADDRESS"]  # noqa: S104


def test_what_is_given_is_kept() -> None:
    import product

    env = {
        "HOST": "0.0.0.0",  # noqa: S104
        "PORT": "8001",
        "ALLOWED_HOSTS": "tandem.example",
        "PUBLIC_ADDRESS": "https://tandem.example",
    }
    product._name_hosts(env)
    assert env["ALLOWED_HOSTS"] == "tandem.example"
    assert env["PUBLIC_ADDRESS"] == "https://tandem.example"


def test_a_file_of_settings_gives_way_to_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import product

    (folder / ".env").write_text("DEMO=no\nPORT=9000\n# PORT=1\n")
    monkeypatch.setenv("PORT", "8001")
    env = product.settings()
    assert env["DEMO"] == "no"
    assert env["PORT"] == "8001"
