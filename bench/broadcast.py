"""The limit for sending: `websockets`' own server that broadcasts the same bytes to every socket.

`python -m bench.broadcast PORT BYTES PERIOD_S`; per-message deflate is off, as in the product.
"""

import asyncio
import os
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

from realtime.frames import HEAD


async def run(port: int, size: int, period_s: float) -> None:
    """Serve until killed."""
    sockets: set[ServerConnection] = set()

    async def keep(socket: ServerConnection) -> None:
        sockets.add(socket)
        try:
            await socket.wait_closed()
        finally:
            sockets.discard(socket)

    rest = os.urandom(max(0, size - HEAD.size))
    async with serve(keep, "127.0.0.1", port, compression=None):
        number = 0
        while True:
            await asyncio.sleep(period_s)
            number += 1
            # A frame without moves: the screens read its number and nothing else.
            head = HEAD.pack(b"TF", 1, 0, 1, number, 1, 0.0, 0, len(rest))
            broadcast(sockets, head + rest)


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
