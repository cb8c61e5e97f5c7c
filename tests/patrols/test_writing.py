"""The writer process: its messages, what it gathers, and that it may die."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading

import httpx
import pytest

from patrols.admission import Upload
from patrols.api.group_commit import GroupCommit, Unavailable
from patrols.wire import Contact, Quarantined, Reading
from patrols.writing import __main__ as process
from patrols.writing.messages import Arriving, Given, Opening, pack, read_given, read_told
from tests import make
from tests.patrols.phones import officer_on_duty, stored

UPLOADS = [
    Upload(7, 1_764_490_001_000_000, [Reading(1_764_490_000_000_000, 24.94, 60.17)], [], []),
    Upload(
        8,
        1_764_490_002_000_000,
        [Reading(1_764_490_000_000_001, -24.9, -60.1, 5.5, 1.25, 90.0, 0.5, 8)],
        [Contact(1_764_490_000_000_002, 8)],
        [Quarantined("bad_time", "The time “x” cannot be read.", b"\x00\xff", None)],
        "too_fast",
        "ab" * 32,
        "Traccar 9",
    ),
]


def test_messages_arrive_whole_however_they_are_cut() -> None:
    given = Given(UPLOADS, [["cd" * 32, "ef" * 32], []])
    sent = pack(given) + pack(Given())
    for size in (1, 3, 4, 5, 100, len(sent)):
        arriving = Arriving()
        pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
        whole = [message for piece in pieces for message in arriving.take(piece)]
        assert [read_given(message) for message in whole] == [given, Given()]


def test_the_writer_gathers_what_is_there_into_batches() -> None:
    ours, theirs = socket.socketpair()
    many = [Reading(1_764_490_000_000_000 + n, 24.94, 60.17) for n in range(12_000)]
    with ours, theirs:
        inbox = process.Inbox(theirs)
        sending = threading.Thread(
            target=lambda: [
                ours.sendall(pack(Opening({}, 1.0))),
                ours.sendall(pack(Given(UPLOADS, [["one"]]))),
                ours.sendall(pack(Given([Upload(n, 1, many, [], []) for n in (1, 2, 3)]))),
                ours.shutdown(socket.SHUT_WR),
            ]
        )
        sending.start()
        assert inbox.first() is not None
        secrets = []
        batches = []
        while not inbox.ended or inbox.messages or inbox.uploads:
            secrets += inbox.gather()
            batches.append([upload.phone_id for upload in inbox.batch()])
        sending.join()
    assert secrets == [["one"]]
    assert [phone for batch in batches for phone in batch] == [7, 8, 1, 2, 3]
    # 20,000 readings end a transaction: no two of the large ones before it share it with a third.
    assert max(len([p for p in batch if p <= 3]) for batch in batches) <= 2
    assert inbox.weight == 0


def test_a_writer_without_a_first_message_ends() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        process.serve(theirs)


def test_who_waits_for_a_writer_that_dies_is_told_and_the_next_finds_another(
    http: httpx.Client, transactional_db: None
) -> None:
    person = officer_on_duty()
    phone = make.phone(person, "writer-secret")
    commit = GroupCommit(patience_s=0.2)

    async def live() -> tuple[object, object]:
        found = await commit.find_phone([phone.secret_sha256])
        link = commit.link()
        link.process.send_signal(signal.SIGSTOP)
        lost = commit.take(UPLOADS[0])
        await asyncio.sleep(0)  # it goes over at the end of the turn
        os.kill(link.process.pid, signal.SIGKILL)
        with pytest.raises(Unavailable):
            await lost
        again = await commit.find_phone([phone.secret_sha256])
        assert commit.link() is not link
        assert await commit.find_phone(["no such secret"]) is None
        return found, again

    try:
        found, again = asyncio.run(live())
    finally:
        commit.close()
    assert found == again == (phone.pk, phone.secret_sha256)
    assert stored(person) == []


def test_closing_writes_what_was_given() -> None:
    """Without a database the uploads are answered, not forgotten, before the writer ends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(pack(Opening({"host": "/nowhere", "dbname": "none"}, 60.0)))
        ours.sendall(pack(Given(UPLOADS, [["one"]])))
        ours.shutdown(socket.SHUT_WR)
        process.serve(theirs)
        theirs.shutdown(socket.SHUT_WR)
        arriving = Arriving()
        told = []
        while data := ours.recv(4096):
            told += [read_told(message) for message in arriving.take(data)]
    assert [receipt for each in told for receipt in each.receipts] == [None, None]
    assert [found.reached for each in told for found in each.found] == [False]
