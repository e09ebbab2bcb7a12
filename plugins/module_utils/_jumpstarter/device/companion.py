# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Companions: processes of ours that go on between the tasks of a lease and carry its mark, so they end with it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import types
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import Route
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import LEASE_VARIABLE
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import descendants_of
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import BOOTSTRAP, START_SECONDS
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import (
    Owner,
    OwnerGone,
    wait_readable,
)

END_SECONDS = 15.0


class NotStarted(Exception):
    """A companion did not say that it had begun."""


def start_companion(module: types.ModuleType, order: t.Mapping[str, t.Any], route: Route) -> Owner:
    """Start the ``main`` of a module, which reads its order from standard input and writes a line when it has begun.

    :raises NotStarted: it did not begin.
    """
    root = str(module.__file__).rpartition("/ansible_collections/")[0]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", BOOTSTRAP.format(module=module.__name__), root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), LEASE_VARIABLE: route.lease_name},
            pass_fds=() if route.lock is None else (route.lock,),
            start_new_session=True,
        )
    except OSError as error:
        raise NotStarted(error.strerror or str(error)) from None
    try:
        known = Owner.of(process.pid)
    except OwnerGone as error:
        raise NotStarted(str(error)) from None
    stdin, stdout = t.cast("t.IO[bytes]", process.stdin), t.cast("t.IO[bytes]", process.stdout)
    with stdin, stdout:
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
        if not wait_readable([stdout.fileno()], START_SECONDS) or not stdout.readline():
            process.kill()
            process.wait()
            raise NotStarted("it said nothing")
    # init takes it over when this process ends, so it is not to be waited for.
    process.returncode = 0
    return known


def end_companion(companion: Owner) -> None:
    """End a companion and all that it has started, politely first."""
    with contextlib.suppress(OwnerGone, ProcessLookupError):
        _end(companion)


def companion_of(known: t.Any) -> Owner | None:
    """Return the companion that a record names by ``pid`` and ``start``; None if it has ended."""
    try:
        companion = Owner(int(known["pid"]), int(known["start"]))
    except (KeyError, TypeError, ValueError):
        return None
    return companion if companion.is_alive() else None


def _end(companion: Owner) -> None:
    pidfd = companion.open_pidfd()
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        if not wait_readable([pidfd], END_SECONDS):
            for pid in descendants_of({companion.pid}):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            wait_readable([pidfd], END_SECONDS)
    finally:
        os.close(pidfd)
