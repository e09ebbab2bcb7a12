# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that a task works for, and noticing at once when it is gone."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import os
import select
import time
import typing as t

LONGEST_POLL = 2**31 - 1
"""So many milliseconds, 24 days, poll can wait."""


class OwnerGone(Exception):
    """The ansible-playbook process has ended, so this work has no one to work for."""


class OwnerUnknown(OwnerGone):
    """This system does not let us see the ansible-playbook process, for example without a free descriptor."""


@dataclasses.dataclass(frozen=True)
class Owner:
    """A process, told from a later one with the same pid by its start.

    :param pid: process id.
    :param start: clock ticks since boot, from ``/proc/PID/stat``.
    """

    pid: int
    start: int

    @classmethod
    def of(cls, pid: int) -> Owner:
        """Return the process that has this pid now.

        :raises OwnerGone: there is none.
        """
        return cls(pid, start_of(pid))

    @property
    def identity(self) -> str:
        """Name of this process that no other one ever has on this machine."""
        return f"{self.pid}-{self.start}"

    def is_alive(self) -> bool:
        """Whether the process still runs, as far as can be seen."""
        try:
            return start_of(self.pid) == self.start
        except OwnerUnknown:
            return True
        except OwnerGone:
            return False

    def open_pidfd(self) -> int:
        """Return a file descriptor that becomes readable when the process ends.

        :raises OwnerGone: it has ended.
        """
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            raise OwnerGone("the ansible-playbook process has ended") from None
        except OSError as error:
            raise _unknown(error) from None
        if not self.is_alive():
            os.close(pidfd)
            raise OwnerGone("the ansible-playbook process has ended")
        return pidfd

    def sleep(self, seconds: float) -> None:
        """Pause, as long as the process lives.

        :raises OwnerGone: it ended meanwhile.
        """
        pidfd = self.open_pidfd()
        try:
            if wait_readable([pidfd], seconds):
                raise OwnerGone("the ansible-playbook process has ended")
        finally:
            os.close(pidfd)


def pause(seconds: float, owner: Owner | None) -> None:
    """Pause, as long as the play lives whose process is known.

    :raises OwnerGone: it ended meanwhile.
    """
    if owner:
        owner.sleep(seconds)
    else:
        time.sleep(seconds)


_works_for: contextvars.ContextVar[Owner | None] = contextvars.ContextVar("works_for", default=None)


@contextlib.contextmanager
def works_for(owner: Owner | None) -> t.Iterator[None]:
    """Let what this process does end with another one: it rests no longer, and sends nothing more.

    :param owner: None for what is done after the end of the other one.
    """
    before = _works_for.set(owner)
    try:
        yield
    finally:
        _works_for.reset(before)


def rest(seconds: float) -> None:
    """Pause, as long as the play lives that this process works for, if it works for one.

    :raises OwnerGone: it ended meanwhile.
    """
    try:
        pause(seconds, _works_for.get())
    except OwnerUnknown:
        time.sleep(seconds)


def require_owner() -> None:
    """Make sure that the play lives that this process works for, if it works for one, before something is sent.

    :raises OwnerGone: it has ended.
    """
    owner = _works_for.get()
    if owner and not owner.is_alive():
        raise OwnerGone("the ansible-playbook process has ended")


def start_of(pid: int) -> int:
    """Return when a process started, in clock ticks since boot.

    :raises OwnerGone: there is no such process, or it is a zombie.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise OwnerGone(f"there is no process {pid}") from None
    except OSError as error:
        raise _unknown(error) from None
    if fields[0] in b"ZX":
        raise OwnerGone(f"process {pid} has ended")
    return int(fields[19])


def _unknown(error: OSError) -> OwnerUnknown:
    return OwnerUnknown(f"the ansible-playbook process cannot be watched: {error.strerror}")


def wait_readable(descriptors: t.Sequence[int], seconds: float | None) -> list[int]:
    """Return the descriptors that became readable within the time; poll has no limit on their numbers."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    timeout = None if seconds is None else max(0, min(LONGEST_POLL, int(seconds * 1000 + 0.999)))
    return [fd for fd, event in poll.poll(timeout)]
