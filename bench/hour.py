"""An hour of frames in three minutes: does the socket process grow? `python -m bench.hour`.

The product's socket process with 500 screens; 3,600 frames of the size that 10,000 people make at
1 s are published on Redis, 20 a second. Memory is read once everything is warm, and at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import time

import numpy as np
import redis.asyncio
import uvloop

from bench.crowd import Times, open_screens
from bench.database import make_fresh
from bench.ingest import free_port
from bench.live import SCREENS, memory_mb, running, server, wait_for
from realtime.frames import HEAD

FRAMES, WARM_FRAMES = 3600, 300
A_SECOND = 20
FRAME_BYTES = 56_000


async def replay(channel: str, cookie: str, url: str) -> tuple[list[float], Times]:
    """Memory in MB after the warm frames, halfway and at the end; what the screens took."""
    port = free_port()
    memory = []
    with running(*server(port)) as sockets:
        await wait_for(port)
        times = Times(np.array([1]), time.time())
        screens = await open_screens(times, port, cookie, SCREENS)
        times.counting = True
        rest = os.urandom(FRAME_BYTES - HEAD.size)
        due_s = time.monotonic()
        async with redis.asyncio.Redis.from_url(url) as client:
            for number in range(1, FRAMES + 1):
                head = HEAD.pack(b"TF", 1, 0, 1, number, 1, 0.0, 0, len(rest))
                await client.publish(channel, head + rest)
                due_s += 1 / A_SECOND
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                if number in (WARM_FRAMES, FRAMES // 2):
                    memory.append(memory_mb(sockets.pid))
        while times.sends < FRAMES * SCREENS and time.monotonic() < due_s + 10:
            await asyncio.sleep(0.1)
        memory.append(memory_mb(sockets.pid))
        for one in screens:
            one.transport.abort()
    return memory, times


def main() -> None:
    """Replay, print."""
    make_fresh("bench_hour")
    from django.conf import settings
    from django.test import Client

    from bureau.models import Role
    from patrols.live import stream_key
    from tests import make

    top = make.unit(make.bureau())
    client = Client(headers={"host": "localhost"})
    client.force_login(make.user(Role.DISPATCHER, top))
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    channel = stream_key(f"unit:{top.pk}")
    memory, times = uvloop.run(replay(channel, cookie, settings.REDIS_URL))
    grown = memory[-1] / memory[0] - 1
    print(f"{FRAMES} frames of {FRAME_BYTES:,} bytes to {SCREENS} screens")
    print(f"  sends, gaps          {times.sends:>10,} {times.gaps}")
    print(f"  memory               {' → '.join(f'{one:.1f}' for one in memory)} MB")
    print(f"  grown                {100 * grown:>10.1f} % (limit: ± 5 %)")
    print(json.dumps({"live_memory_grown": round(grown, 4)}))


if __name__ == "__main__":
    main()
