"""`python -m patrols.writing FD`: the writer process, at the other end of a socket.

What gathers in the socket while one batch commits is the next batch. The process ends when the
other side has closed and everything it gave is answered.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections import deque

from patrols.admission import Upload
from patrols.writing.messages import (
    Arriving,
    Given,
    Told,
    pack,
    read_given,
    read_opening,
)
from patrols.writing.writer import OwnDesk, Writer

# So many readings are taken into one transaction.
MOST_TOGETHER = 20_000
READ_AT_ONCE = 2**20


class Inbox:
    """What the other side has given and is not answered yet."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.arriving = Arriving()
        self.messages: deque[bytes] = deque()
        self.uploads: deque[Upload] = deque()
        self.weight = 0
        self.ended = False

    def first(self) -> bytes | None:
        """The first message of all; None if the other side has gone."""
        while not self.messages and not self.ended:
            self.receive(0)
        return self.messages.popleft() if self.messages else None

    def receive(self, flags: int) -> bool:
        """Read once; false if nothing was there."""
        try:
            data = self.link.recv(READ_AT_ONCE, flags)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        self.ended = self.ended or not data
        self.messages.extend(self.arriving.take(data))
        return bool(data)

    def gather(self) -> list[list[str]]:
        """Read what is there, waiting if there is nothing; the secrets to look up."""
        if not (self.uploads or self.messages or self.ended):
            self.receive(0)
        secrets: list[list[str]] = []
        while True:
            while self.messages and self.weight < MOST_TOGETHER:
                given: Given = read_given(self.messages.popleft())
                self.uploads.extend(given.uploads)
                self.weight += sum([upload.weight for upload in given.uploads])
                secrets += given.secrets
            if self.ended or self.messages or not self.receive(socket.MSG_DONTWAIT):
                return secrets

    def batch(self) -> list[Upload]:
        """Uploads for one transaction."""
        taken: list[Upload] = []
        weight = 0
        while self.uploads and (not taken or weight < MOST_TOGETHER):
            weight += self.uploads[0].weight
            taken.append(self.uploads.popleft())
        self.weight -= weight
        return taken


def serve(link: socket.socket) -> None:
    """Take, commit, tell; until the other side has closed."""
    inbox = Inbox(link)
    first = inbox.first()
    if first is None:
        return
    opening = read_opening(first)
    desk = OwnDesk(opening.database)
    writer = Writer(desk, opening.patience_s)
    try:
        while True:
            if secrets := inbox.gather():
                link.sendall(pack(Told(found=[writer.find(each) for each in secrets])))
            if batch := inbox.batch():
                receipts = writer.write(batch, patient=not inbox.ended)
                link.sendall(pack(Told(receipts=receipts)))
            elif inbox.ended and not inbox.messages:
                return
    except ConnectionError:
        return  # nobody waits for the answers any more
    finally:
        desk.hang_up()


def main() -> None:
    """Serve the socket of the given number."""
    # Ctrl-C and a stop reach the whole group; what was given is still written and answered.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(format="{asctime} {levelname} {name}: {message}", style="{")
    with socket.socket(fileno=int(sys.argv[1])) as link:
        serve(link)


if __name__ == "__main__":
    main()
