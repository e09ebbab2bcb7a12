# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, informing and ending the keeper of a lease, from the task's side."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors, keeper_process
from ansible_collections.hatci.automation.plugins.module_utils._owner import Owner, OwnerGone, wait_readable

START_SECONDS = 30.0
BOOTSTRAP = "import sys; sys.path.insert(0, sys.argv[1]); from {module} import main; main()"


class Keeper:
    """A keeper process that was started for a lease which is not held yet.

    :param order: what to keep; see :class:`keeper_process.Order`.
    :param lock: descriptor of a held lock that the keeper takes over.
    :raises JumpstarterError: it did not start.
    """

    def __init__(self, order: t.Mapping[str, t.Any], lock: int | None = None) -> None:
        self._name = order["name"]
        module = keeper_process.__name__
        root = str(keeper_process.__file__).rpartition("/ansible_collections/")[0]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", BOOTSTRAP.format(module=module), root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath)},
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,
        )
        try:
            self._tell({**order, "environment": dict(os.environ), "lock": lock})
            if not self._answers():
                raise errors.JumpstarterError(
                    f"The keeper of lease {order['name']} did not start, so the lease would not be safe; "
                    f"its log is {order['log']}."
                )
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    @property
    def identity(self) -> dict[str, int]:
        """The keeper's pid and start, to find it again from another task."""
        owner = Owner.of(self._process.pid)
        return {"pid": owner.pid, "start": owner.start}

    def hand_over(self, elapsed: float) -> None:
        """Tell the keeper that the lease is held; from here on the lease is its business.

        :param elapsed: seconds that the lease has been held.
        """
        self._tell({"elapsed": elapsed})
        if self._process.poll() is not None:
            raise errors.LeaseLost(f"The keeper of lease {self._name} has ended, so the lease would not be safe.")
        self._close()

    def dismiss(self) -> None:
        """End the keeper; there is nothing to keep."""
        self._process.send_signal(signal.SIGUSR1)
        self._process.wait()
        self._close()

    def abandon(self) -> None:
        """Let the keeper see to it that no lease is left."""
        self._close()

    def _tell(self, message: t.Mapping[str, t.Any]) -> None:
        stdin = t.cast("t.IO[bytes]", self._process.stdin)
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise errors.LeaseLost(
                f"The keeper of lease {self._name} has ended, so the lease would not be safe."
            ) from None

    def _answers(self) -> bool:
        stdout = t.cast("t.IO[bytes]", self._process.stdout)
        ready = wait_readable([stdout.fileno()], START_SECONDS)
        return bool(ready) and stdout.readline() == keeper_process.WATCHING

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if pipe:
                    pipe.close()
        # It goes on by itself; init takes it over when this process ends.
        self._process.returncode = self._process.returncode or 0


def is_kept(identity: t.Any) -> bool:
    """Whether the keeper with this identity still runs."""
    owner = _as_owner(identity)
    return owner is not None and owner.is_alive()


def end_keeper(identity: t.Any, *, released: bool) -> None:
    """End a keeper and wait until it is gone.

    :param released: the lease was given back already; else the keeper does so.
    """
    owner = _as_owner(identity)
    if owner is None:
        return
    try:
        pidfd = owner.open_pidfd()
    except OwnerGone:
        return
    try:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGUSR1 if released else signal.SIGTERM)
        wait_readable([pidfd], START_SECONDS)
    finally:
        os.close(pidfd)


def _as_owner(identity: t.Any) -> Owner | None:
    try:
        return Owner(int(identity["pid"]), int(identity["start"]))
    except (KeyError, TypeError, ValueError):
        return None
