"""The live page with 10,000 people who all move: main-thread time a frame, and its heap.

`python -m bench.page` makes a database of its own on the server of DATABASE_URL (the demo
city's streets, 10,000 people on duty in 50 squads), serves the product, opens the live page in
headless Chromium and hands it frames of `realtime.frames` through its own stream, as the socket
does. Every frame moves everybody; every fifth brings 200 new states.

The main thread is read from the browser (`Performance.getMetrics`): before a frame and after the
second animation frame behind it, so everything that the page does in between counts: unpacking,
list, map, style, layout, paint, garbage. `wall` is the time its tasks took, `cpu` the processor
time of the thread, which other work on the machine does not lengthen. Chromium draws WebGL on the
processor here, in another process: that is not counted, and is what takes the time of a replay.

Then 3,600 frames (or `FRAMES=`) go in as fast as they are taken; the heap is read after each 300.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.database import make_fresh
from tests.processes import Processes, free_port

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

DATABASE = "bench_page"
PEOPLE = 10_000
SQUADS = 50
LOOP = 60  # distinct frames; everybody walks a circle of a minute, so the loop has no seam
STATES_EVERY, STATES = 5, 200
EPOCH = 7
WARM_FRAMES = 360  # tails of five minutes are full then
HEAP_EVERY = 300
FAST_EACH = 5
MIDDLE_DEG = (24.94, 60.17)
CITY_DEG = (0.10, 0.05)  # half the width and height of where people walk: 11 km by 11 km
CITY_ZOOM = 12.0
VIEWS = (
    ("city, zoom 12", CITY_ZOOM, 120),
    ("district, zoom 14", 14.0, 60),
    ("streets, zoom 16", 16.0, 60),
)
# What the browser tells of its main thread, and as which name it is printed.
TIMES = {
    "wall": "TaskDuration",
    "cpu": "ThreadTime",
    "script": "ScriptDuration",
    "style": "RecalcStyleDuration",
    "layout": "LayoutDuration",
}
COMPANY = ("together", "together", "together", "alone", "unknown")

FEED = """
() => {
  const frames = [];
  window.bench = {
    add(text) {
      const bytes = Uint8Array.fromBase64
        ? Uint8Array.fromBase64(text)
        : Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      frames.push(bytes.buffer);
    },
    took: [],
    take(number, at) {
      const frame = frames[number % frames.length];
      const view = new DataView(frame);
      view.setUint32(8, number, true);
      view.setFloat64(16, at, true);
      const begun = performance.now();
      tandemLive.stream.take(frame);
      this.took.push(performance.now() - begun);
    },
    async feed(number, at) {
      this.take(number, at);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    },
    async fast(number, at, count, each) {
      for (let i = 0; i < count; i += 1) {
        this.take(number + i, at + 1000 * i);
        if (i % each === 0) await new Promise(requestAnimationFrame);
      }
    },
  };
}
"""


def make_database() -> tuple[str, Any]:
    """A fresh database; the session of a dispatcher and what the frames say, in order."""
    make_fresh(DATABASE)
    from django.core.management import call_command
    from django.test import Client

    from bureau.models import Role
    from patrols.models import Person
    from tests import make

    bureau = make.bureau(code="bench")
    top = make.unit(bureau)
    if city := os.environ.get("TANDEM_DEMO_CITY"):
        call_command("import_roads", city, bureau="bench", make_jurisdiction=True, verbosity=0)
    squads = [make.unit(bureau, top) for _ in range(SQUADS)]
    people = Person.objects.bulk_create(
        Person(
            bureau_id=bureau.pk,
            unit=squads[n % SQUADS],
            category="officer",
            badge_no=f"{n:05d}",
            name=f"Officer {n:05d}",
        )
        for n in range(PEOPLE)
    )
    ids = [person.pk for person in people]
    walk = Walk(places())
    store(bureau.pk, ids, walk)
    client = Client(headers={"host": "localhost"})
    client.force_login(make.user(Role.DISPATCHER, top), "django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value, list(packed(top.pk, ids, walk))


def places() -> np.ndarray[Any, Any]:
    """(PEOPLE, 2) lon, lat in degrees: half spread over a city, half thick in its middle."""
    rng = np.random.default_rng(5)
    spread = rng.uniform(-1, 1, (PEOPLE, 2))
    spread[::2] = np.clip(rng.normal(0, 0.25, (PEOPLE // 2, 2)), -1, 1)
    return MIDDLE_DEG + spread * CITY_DEG


class Walk:
    """Everybody's place at each of LOOP seconds: a circle of 60 m round a corner of streets."""

    def __init__(self, middle_deg: np.ndarray[Any, Any]) -> None:
        self.middle_deg = middle_deg
        self.phase = np.random.default_rng(5).uniform(0, 2 * np.pi, len(middle_deg))

    def at(self, second: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """(lon, lat) in degrees and the course in degrees."""
        angle = self.phase + second / LOOP * 2 * np.pi
        north = 60 / (2 * np.pi) / 111_000
        lat = self.middle_deg[:, 1] + north * np.sin(angle)
        lon = self.middle_deg[:, 0] + north * np.cos(angle) / np.cos(np.radians(lat))
        return np.column_stack((lon, lat)), (360 - np.degrees(angle)) % 360


def state(rng: random.Random, ids: list[int], n: int, now_ms: int) -> dict[str, Any]:
    """A person's state as the live judge tells it."""
    company = rng.choice(COMPANY)
    return {
        "company": company,
        "since": now_ms - rng.randrange(3_600_000),
        "partners": [ids[n ^ 1]] if company == "together" else [],
        "parked": now_ms - 900_000 if rng.random() < 0.1 else None,
        "street": f"{n % 300} Street",
        "hotspot": {"id": 1, "name": "Market"} if rng.random() < 0.1 else None,
    }


def store(bureau: int, ids: list[int], walk: Walk) -> None:
    """Latest positions and states, on duty for the next half day."""
    from django.contrib.gis.geos import Point

    from patrols.models import Latest, LiveState

    now = datetime.now(UTC)
    rng = random.Random(6)
    lon_lat, course = walk.at(0)
    told = [state(rng, ids, n, int(now.timestamp() * 1000)) for n in range(PEOPLE)]
    LiveState.objects.bulk_create(
        LiveState(
            bureau_id=bureau,
            person_id=ids[n],
            duty_since=now - timedelta(hours=2),
            duty_until=now + timedelta(hours=12),
            company=row["company"],
            company_since=datetime.fromtimestamp(row["since"] / 1000, UTC),
            partners=row["partners"],
            parked_since=row["parked"] and datetime.fromtimestamp(row["parked"] / 1000, UTC),
            street=row["street"],
            hotspot_id=row["hotspot"] and row["hotspot"]["id"],
            hotspot_name=row["hotspot"]["name"] if row["hotspot"] else "",
            contact_at=now,
            version=n + 1,
        )
        for n, row in enumerate(told)
    )
    Latest.objects.bulk_create(
        Latest(
            bureau_id=bureau,
            person_id=ids[n],
            phone_id=1,
            recorded_at=now,
            received_at=now,
            point=Point(*lon_lat[n], srid=4326),
            accuracy_m=5.0,
            speed_mps=1.0,
            course_deg=float(course[n]),
            battery=0.8,
            version=PEOPLE + n + 1,
        )
        for n in range(PEOPLE)
    )


def packed(unit: int, ids: list[int], walk: Walk) -> Iterator[bytes]:
    """LOOP frames; the page's side writes number and time of each turn into their heads."""
    from realtime.frames import Frame, pack, pack_moves

    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    rng = random.Random(7)
    for second in range(LOOP):
        lon_lat, course = walk.at(second)
        moves = pack_moves(
            person=ids,
            lon_deg=lon_lat[:, 0].tolist(),
            lat_deg=lon_lat[:, 1].tolist(),
            recorded_ms=[now_ms - 400] * PEOPLE,
            received_ms=[now_ms] * PEOPLE,
            course_deg=course.tolist(),
            speed_mps=[1.0] * PEOPLE,
            accuracy_m=[5.0] * PEOPLE,
            battery=[0.8] * PEOPLE,
            at_ms=now_ms,
        )
        rest: dict[str, Any] = {}
        if second % STATES_EVERY == 0:
            duty = [now_ms - 7_200_000, now_ms + 43_200_000]
            rest["states"] = [
                state(rng, ids, n, now_ms)
                | {"person": ids[n], "v": 2**40, "duty": duty}
                | {"others": 0, "street_en": "", "contact": now_ms}
                for n in rng.sample(range(PEOPLE), STATES)
            ]
            rest["judged"] = now_ms
        yield pack(Frame(EPOCH, second, unit, now_ms, moves, rest))


class Replay:
    """The open page, fed frame by frame."""

    def __init__(self, page: Page, cdp: CDPSession, frames: list[bytes]) -> None:
        self.page, self.cdp = page, cdp
        self.number = 0
        self.at_ms = int(datetime.now(UTC).timestamp() * 1000)
        page.evaluate(FEED)
        for frame in frames:
            page.evaluate("(text) => bench.add(text)", base64.b64encode(frame).decode())

    def metrics(self) -> dict[str, float]:
        """The main thread's times so far, in s."""
        told = self.cdp.send("Performance.getMetrics")["metrics"]
        return {each["name"]: each["value"] for each in told}

    def run(self, frames: int) -> np.ndarray[Any, Any]:
        """(frames, TIMES): ms of the main thread for each."""
        rows = []
        for _ in range(frames):
            self.number += 1
            self.at_ms += 1000
            before = self.metrics()
            self.page.evaluate("([n, at]) => bench.feed(n, at)", [self.number, self.at_ms])
            after = self.metrics()
            rows.append([1000 * (after[key] - before[key]) for key in TIMES.values()])
        return np.array(rows)

    def fast(self, frames: int) -> None:
        """So many frames, five to an animation frame: for the heap."""
        self.page.evaluate(
            "([n, at, count, each]) => bench.fast(n, at, count, each)",
            [self.number + 1, self.at_ms + 1000, frames, FAST_EACH],
        )
        self.number += frames
        self.at_ms += 1000 * frames

    def handled(self) -> np.ndarray[Any, Any]:
        """ms that the frame handler itself took, of each frame since the last call."""
        return np.array(self.page.evaluate("() => bench.took.splice(0)"))

    def heap_mb(self) -> float:
        """What is left after garbage is collected."""
        for _ in range(2):
            self.cdp.send("HeapProfiler.collectGarbage")
        used: float = self.cdp.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        return used


def look(page: Page, zoom: float) -> None:
    """The map over the middle of the city."""
    page.evaluate(
        "([center, zoom]) => tandemLive.map().jumpTo({ center, zoom })", [MIDDLE_DEG, zoom]
    )


def spread(values: np.ndarray[Any, Any]) -> str:
    """Median, p95, p99 and the longest."""
    found = [*np.percentile(values, [50, 95, 99]), values.max()]
    return "".join(f"{value:>9.1f}" for value in found)


def say(name: str, rows: np.ndarray[Any, Any], handled: np.ndarray[Any, Any]) -> None:
    """A line for each time of a replay."""
    for kind, values in [*zip(TIMES, rows.T, strict=True), ("handler", handled)]:
        print(f"  {name:<24}{kind:<8}{spread(values)}", flush=True)


@contextlib.contextmanager
def profile(cdp: CDPSession, zoom: float) -> Iterator[None]:
    """With PROFILE=/path: what the scripts do meanwhile, as a file for the browser's tools."""
    place = os.environ.get("PROFILE")
    if not place:
        yield
        return
    cdp.send("Profiler.enable")
    cdp.send("Profiler.setSamplingInterval", {"interval": 250})
    cdp.send("Profiler.start")
    yield
    Path(f"{place}-{zoom:.0f}.cpuprofile").write_text(
        json.dumps(cdp.send("Profiler.stop")["profile"])
    )
    cdp.send("Profiler.disable")


@contextlib.contextmanager
def live_page(session: str) -> Iterator[tuple[Page, CDPSession]]:
    """The live page of the dispatcher, map up and snapshot taken."""
    from playwright.sync_api import sync_playwright

    group = Processes({"DATABASE_URL": os.environ["DATABASE_URL"], "DEBUG": "no"})
    os.environ["REDIS_URL"] = group.start_redis()
    os.environ["ALLOWED_HOSTS"] = group.environment["ALLOWED_HOSTS"] = "127.0.0.1,localhost"
    import redis

    from patrols.live import stream_key

    redis.Redis.from_url(os.environ["REDIS_URL"]).set(
        stream_key("head"), json.dumps({"epoch": EPOCH, "number": 0})
    )
    program = os.environ.get("TANDEM_CHROMIUM") or "/usr/bin/chromium"
    arguments = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    try:
        web = group.start_web(free_port())
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
            context.add_cookies([{"name": "sessionid", "value": session, "url": web}])
            page = context.new_page()
            page.on("pageerror", lambda error: print("page error:", error))
            page.set_default_timeout(120_000)
            page.goto(f"{web}/live/")
            page.wait_for_selector("#live-map[data-ready]")
            page.wait_for_function(f"() => tandemLive.picture.fixes.size === {PEOPLE}")
            # On a machine so busy that five seconds pass between two frames the page would fetch
            # snapshots meanwhile; here nothing is missing.
            page.evaluate("() => clearInterval(tandemLive.stream.timer)")
            page.wait_for_function("() => !tandemLive.stream.fetching")
            cdp = context.new_cdp_session(page)
            cdp.send("Performance.enable")
            yield page, cdp
            browser.close()
    finally:
        group.stop()


def main() -> None:
    """Measure, print."""
    frames_wanted = int(os.environ.get("FRAMES") or 3600)
    session, frames = make_database()
    with live_page(session) as (page, cdp):
        replay = Replay(page, cdp, frames)
        look(page, CITY_ZOOM)
        print(f"{PEOPLE} people, all moving; ms a frame: median, p95, p99, longest")
        replay.fast(WARM_FRAMES)
        replay.run(10)
        replay.handled()
        whole = np.empty((0, len(TIMES)))
        for name, zoom, count in VIEWS:
            look(page, zoom)
            replay.run(10)
            replay.handled()
            with profile(cdp, zoom):
                rows = replay.run(min(count, frames_wanted))
            say(name, rows, replay.handled())
            whole = rows if zoom == CITY_ZOOM else whole
        look(page, CITY_ZOOM)
        replay.fast(WARM_FRAMES)
        heap = [replay.heap_mb()]
        for _ in range(0, frames_wanted, HEAP_EVERY):
            replay.fast(min(HEAP_EVERY, frames_wanted))
            replay.handled()
            heap.append(replay.heap_mb())
        held = page.evaluate("() => tandemLive.stream.last.number")
        if held != replay.number:
            raise SystemExit(f"The page took frames up to {held} only, not {replay.number}.")
        shot = Path(tempfile.gettempdir()) / "tandem-bench-page.png"
        page.screenshot(path=str(shot))
        print(f"heap after each {HEAP_EVERY} frames, MB: " + " ".join(f"{h:.1f}" for h in heap))
    p = np.percentile(whole, [50, 99], axis=0)
    result = {
        "frames": replay.number,
        "page_ms_p50": round(p[0, 0], 1),
        "page_ms_p99": round(p[1, 0], 1),
        "page_cpu_ms_p50": round(p[0, 1], 1),
        "heap_start_mb": round(heap[0], 1),
        "heap_middle_mb": round(heap[len(heap) // 2], 1),
        "heap_end_mb": round(heap[-1], 1),
        "heap_most_off": round(max(abs(h / heap[0] - 1) for h in heap), 3),
    }
    print("limits: page_ms_p50 ≤ 50, heap_most_off ≤ 0.05")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
