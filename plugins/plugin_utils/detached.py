# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing to its end what must not be broken off, even if the play is killed meanwhile."""

from __future__ import annotations

import os
import pickle
import signal
import typing as t

Result = t.TypeVar("Result")


class DetachedKilled(Exception):
    """The process that did the work was killed before it could say how it went."""


def run_detached(work: t.Callable[[], Result]) -> Result:
    """Do some work in a process of its own session, which signals for the play do not reach, and return its result.

    :raises DetachedKilled: that process was killed.
    :raises OSError: there is no free process or descriptor; nothing was done.
    """
    read_end, write_end = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(read_end)
        os.close(write_end)
        raise
    if pid == 0:
        os.close(read_end)
        _work_and_exit(work, write_end)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    if not answer:
        raise DetachedKilled
    result, error = pickle.loads(answer)  # noqa: S301  # from our own fork
    if error is not None:
        raise error
    return t.cast("Result", result)


def _work_and_exit(work: t.Callable[[], t.Any], write_end: int) -> t.NoReturn:
    answer = b""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        _let_go_of_terminal()
        try:
            answer = pickle.dumps((work(), None))
        except Exception as error:
            answer = pickle.dumps((None, error))
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _let_go_of_terminal() -> None:
    """Hold no pipe open that somebody reads to the end of the play."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
