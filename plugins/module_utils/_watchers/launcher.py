# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, addressing and ending a watcher, from the side of the task that needs it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import types
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._watchers.event_loop import DISMISS, RELEASE, WATCHING
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone, wait_readable

START_SECONDS = 30.0
DISMISS_SECONDS = 10.0
BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from {module} import main; main()"


class NotWatching(Exception):
    """The watcher did not start, or has ended."""


class LaunchedWatcher:
    """A process of its own session that holds no descriptor of ours and outlives the play.

    The order goes through its standard input, so no secret is in its arguments or environment.

    :param module: the module whose ``main`` it runs.
    :param order: what to watch; see :class:`event_loop.Order`.
    :param descriptor: a descriptor that it takes over.
    :raises NotWatching: it did not start.
    """

    def __init__(
        self,
        module: types.ModuleType,
        order: t.Mapping[str, t.Any],
        *,
        descriptor: int | None = None,
    ) -> None:
        root = str(module.__file__).rpartition("/ansible_collections/")[0]
        self._process = _start(
            [sys.executable, "-I", "-S", "-c", BOOTSTRAP.format(module=module.__name__), root],
            pass_fds=() if descriptor is None else (descriptor,),
        )
        try:
            self.send(order)
            if not self._answers():
                raise NotWatching(f"its log is {order['log']}")
        except BaseException:
            self._kill()
            raise

    @property
    def identity(self) -> dict[str, int]:
        """Its pid and start, to find it again from another task."""
        owner = Owner.of(self._process.pid)
        return {"pid": owner.pid, "start": owner.start}

    def send(self, message: t.Mapping[str, t.Any]) -> None:
        """Send it a message.

        :raises NotWatching: it has ended.
        """
        stdin = t.cast("t.IO[bytes]", self._process.stdin)
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise NotWatching("it has ended") from None

    def leave_alone(self) -> None:
        """Let it go on by itself.

        :raises NotWatching: it has ended.
        """
        has_ended = self._process.poll() is not None
        self._close()
        if has_ended:
            raise NotWatching("it has ended")
        # init takes it over when this process ends, so it is not to be waited for.
        self._process.returncode = 0

    def dismiss(self) -> None:
        """End it, by force if it does not react; there is nothing to watch."""
        self._process.send_signal(DISMISS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(DISMISS_SECONDS)
        self._kill()

    def _answers(self) -> bool:
        stdout = t.cast("t.IO[bytes]", self._process.stdout)
        return bool(wait_readable([stdout.fileno()], START_SECONDS)) and stdout.readline() == WATCHING

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()


def _start(argv: list[str], pass_fds: tuple[int, ...]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath)},
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except OSError as error:
        raise NotWatching(f"no process could be started: {error.strerror}") from None


def is_watching(identity: t.Any) -> bool:
    """Whether the watcher with this identity still runs."""
    owner = _as_owner(identity)
    return owner is not None and owner.is_alive()


def end_watcher(identity: t.Any, *, dismiss: bool, wait: bool = True) -> bool:
    """End a watcher, and return whether it reacted.

    :param dismiss: what it watched is settled; else it settles that now.
    :param wait: until it is gone; one that does not react is ended by force.
    """
    owner = _as_owner(identity)
    if owner is None:
        return True
    with contextlib.suppress(OwnerGone, ProcessLookupError):
        pidfd = owner.open_pidfd()
        try:
            signal.pidfd_send_signal(pidfd, DISMISS if dismiss else RELEASE)
            if wait and not wait_readable([pidfd], START_SECONDS):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                wait_readable([pidfd], START_SECONDS)
                return False
        finally:
            os.close(pidfd)
    return True


def _as_owner(identity: t.Any) -> Owner | None:
    try:
        return Owner(int(identity["pid"]), int(identity["start"]))
    except (KeyError, TypeError, ValueError):
        return None
