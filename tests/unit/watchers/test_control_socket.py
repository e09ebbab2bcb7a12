# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to a watcher: no file to remove, and nobody but its own user at either end."""

from __future__ import annotations

import os
import socket
import threading
import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._watchers.control_socket import (
    NoListener,
    open_control_socket,
    receive,
    send,
    socket_name,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

OTHER_UID = 65534


@pytest.fixture
def name() -> str:
    return socket_name("test", Owner.of(os.getpid()))


def in_child(work: t.Callable[[], None], uid: int) -> int:
    """Do something as another user in a process of its own; return its exit code."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgid(uid)
            os.setuid(uid)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_message_is_confirmed_once_it_was_recorded(name: str) -> None:
    recorded: list[t.Any] = []
    with open_control_socket(name) as listening:
        receiver = threading.Thread(target=receive, args=(listening, recorded.append))
        receiver.start()
        send(name, {"about": "ü"})
        receiver.join()
    assert recorded == [{"about": "ü"}]


def test_a_watcher_can_answer(name: str) -> None:
    with open_control_socket(name) as listening:
        receiver = threading.Thread(target=receive, args=(listening, lambda message: {"heard": message}))
        receiver.start()
        assert send(name, {"about": "x" * 100_000}) == {"heard": {"about": "x" * 100_000}}
        receiver.join()


def test_nobody_listens_before_and_after(name: str) -> None:
    with pytest.raises(NoListener):
        send(name, {})
    open_control_socket(name).close()
    with pytest.raises(NoListener):
        send(name, {})


def test_only_one_can_listen(name: str) -> None:
    with open_control_socket(name), pytest.raises(OSError, match="in use"):
        open_control_socket(name)


def test_a_play_that_has_ended_has_no_socket() -> None:
    with pytest.raises(OwnerGone):
        socket_name("test", Owner(2**22 + 1, 1))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_another_user_is_neither_heard_nor_told_anything(name: str) -> None:
    recorded: list[t.Any] = []
    with open_control_socket(name) as listening:

        def intrude() -> None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(name)
                connection.sendall(b'{"settled": {}}\n')

        assert in_child(intrude, OTHER_UID) == 0
        receive(listening, recorded.append)

        def refuse() -> None:
            with pytest.raises(NoListener, match="another user"):
                send(name, {"secret": True})

        assert in_child(refuse, OTHER_UID) == 0
    assert not recorded


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_another_user_cannot_know_the_name_before_it_is_used() -> None:
    owner = Owner.of(os.getpid())
    known = socket_name("test", owner)

    def guess() -> None:
        assert socket_name("test", owner) != known

    assert in_child(guess, OTHER_UID) == 0
