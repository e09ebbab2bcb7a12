# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watcher does while it waits for the end of its owner: it attends to a descriptor, and to an alarm."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._times import since_boot
from ansible_collections.hatci.automation.plugins.module_utils._watchers.event_loop import EventLoop

Pipe = tuple[int, int]


@pytest.fixture
def pipes() -> Iterator[list[Pipe]]:
    """Return pipes for the owner's end, for signals, and for messages."""
    made = [os.pipe() for _number in range(3)]
    yield made
    for descriptor in [end for pipe in made for end in pipe]:
        os.close(descriptor)


def test_messages_are_handled_until_the_owner_ends(pipes: list[Pipe]) -> None:
    (owner, owner_ends), (signals, _signal), (messages, send) = pipes
    loop = EventLoop(owner, signals)
    handled: list[bytes] = []

    def handle() -> None:
        handled.append(os.read(messages, 1))
        if len(handled) == 2:
            os.write(owner_ends, b"x")

    loop.attend(messages, handle)
    os.write(send, b"ab")

    assert loop.until_end()
    assert handled == [b"a", b"b"]


def test_an_alarm_rings_once_and_the_wait_goes_on(pipes: list[Pipe]) -> None:
    (owner, _ends), (signals, _signal), _messages = pipes
    loop = EventLoop(owner, signals)
    rung: list[int] = []
    loop.set_alarm(since_boot(), lambda: rung.append(1))

    assert not loop.until_end(since_boot() + 0.05)
    assert rung == [1]


def test_a_signal_to_release_ends_the_wait_before_messages_are_handled(pipes: list[Pipe]) -> None:
    (owner, _ends), (signals, signal), (messages, send) = pipes
    loop = EventLoop(owner, signals)
    loop.attend(messages, lambda: pytest.fail("handled"))
    os.write(send, b"a")
    os.write(signal, b"\x0f")

    assert loop.until_end()
