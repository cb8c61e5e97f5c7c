"""The outside base map in a browser, against a tile server on the loopback."""

from __future__ import annotations

import struct
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from geo.datum import wgs84_to_gcj02
from geo.models import BaseMap
from tests.walks.browsing import SLOW_MS, open_live
from tests.world import Town

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class Tiles:
    """A server of green PNG tiles that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False
        tiles = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tiles.asked.append(self.path)
                self.send_response(503 if tiles.broken else 200)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Content-Type", "image/png")
                self.end_headers()
                if not tiles.broken:
                    self.wfile.write(green_png())

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def green_png() -> bytes:
    """256 × 256 green pixels, made without an image library."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    rows = b"".join(b"\0" + b"\0\xff\0" * 256 for _ in range(256))
    head = struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def tiles() -> Iterator[Tiles]:
    server = Tiles()
    yield server
    server.stop()


def put_on(town: Town, tiles: Tiles, datum: str = "wgs84") -> None:
    BaseMap.objects.create(
        bureau=town.bureau,
        is_on=True,
        name="Loopback map",
        address=tiles.address + "/{z}/{x}/{y}.png",
        attribution="© Loopback",
        datum=datum,
    )


GREEN = """() => {
    const map = tandemLive.map();
    const source = map.getCanvas();
    const copy = document.createElement("canvas");
    copy.width = copy.height = 1;
    return new Promise((done) => {
        map.once("render", () => {
            const c = copy.getContext("2d");
            c.drawImage(source, source.width * 0.6, source.height * 0.2, 1, 1, 0, 0, 1, 1);
            const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
            done(r < 40 && g > 200 && b < 40);
        });
        map.triggerRepaint();
    });
}"""


def wait_for_green(page: Any, wanted: bool = True) -> None:
    """Until the map's picture is (or is no more) the outside map's green."""
    deadline = time.monotonic() + SLOW_MS / 1000
    while page.evaluate(GREEN) is not wanted:
        assert time.monotonic() < deadline, "The outside map is not drawn as wanted."


def choose_base(page: Any) -> Any:
    page.locator(".live-tools summary", has_text="Layers").click()
    box = page.get_by_role("checkbox", name="Loopback map")
    box.check()
    return box


def test_it_is_off_until_it_is_asked_for_and_stays_in_the_address(
    web: str, town: Town, tiles: Tiles, open_page: Any
):
    put_on(town, tiles)
    page = open_live(open_page, web, town.dispatcher)
    page.locator(".live-tools summary", has_text="Layers").wait_for()
    assert not tiles.asked
    box = choose_base(page)
    wait_for_green(page)
    assert tiles.asked
    assert "base=outside" in page.url
    assert page.get_by_text("© Loopback").count() == 1
    # Our own streets are drawn on it.
    assert page.evaluate(
        "() => tandemLive.map().queryRenderedFeatures({layers: ['streets']}).length > 0"
    )
    box.uncheck()
    wait_for_green(page, False)
    assert "base=" not in page.url


def test_when_it_does_not_answer_our_own_map_stays_and_a_line_says_so(
    web: str, town: Town, tiles: Tiles, open_page: Any
):
    put_on(town, tiles)
    tiles.broken = True
    page = open_live(open_page, web, town.dispatcher)
    choose_base(page)
    line = page.locator("#live-no-base")
    line.wait_for(state="visible")
    assert "does not answer" in line.inner_text()
    assert page.evaluate(
        "() => tandemLive.map().queryRenderedFeatures({layers: ['streets']}).length > 0"
    )
    page.watched.errors.clear()  # a browser writes each 503 to its console


def test_a_map_on_gcj_02_is_moved_and_ours_is_not(
    web: str, town: Town, tiles: Tiles, open_page: Any
):
    put_on(town, tiles, "gcj02")
    page = open_live(open_page, web, town.dispatcher)
    rng = np.random.default_rng(7)
    places = np.column_stack((rng.uniform(74, 134, 200), rng.uniform(18, 53, 200)))
    moved = page.evaluate(
        """async (places) => {
            const { wgs84ToGcj02 } = await import("/static/tandem/js/livebase.js");
            return places.map(([lon, lat]) => wgs84ToGcj02(lon, lat));
        }""",
        places.tolist(),
    )
    # The server's converter, which is tested against published vectors.
    assert np.abs(np.array(moved) - wgs84_to_gcj02(places)).max() < 1e-10
    # One shift for a whole tile: its corners are off by a pixel at any zoom.
    worst = page.evaluate(
        """async (places) => {
            const { shiftOf, wgs84ToGcj02 } = await import("/static/tandem/js/livebase.js");
            const pixels = (lon, lat, z) => {
                const r = (lat * Math.PI) / 180, world = 256 * 2 ** z;
                return [((lon + 180) / 360) * world,
                    ((1 - Math.log(Math.tan(r) + 1 / Math.cos(r)) / Math.PI) / 2) * world];
            };
            let worst = 0;
            for (const z of [10, 12, 14, 16, 18]) for (const [lon, lat] of places) {
                const here = pixels(lon, lat, z), there = pixels(...wgs84ToGcj02(lon, lat), z);
                const [dx, dy] = shiftOf(z, Math.floor(here[0] / 256), Math.floor(here[1] / 256));
                worst = Math.max(worst, Math.hypot(
                    there[0] - here[0] - dx, there[1] - here[1] - dy));
            }
            return worst;
        }""",
        places.tolist(),
    )
    assert worst < 1.1, worst
    choose_base(page)
    wait_for_green(page)
