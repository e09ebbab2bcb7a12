# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds a ``jmp shell`` whose commands wait at their gate, as long as the play lives that is going to want them."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import sys
import types
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.command_runner import STARTED
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.cli import plain_line, tokens_of
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.lease import LONGEST_SECONDS
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import (
    CommandTimeout,
    run_bounded,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import write_json
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

FINISHED = "finished.json"
"""How ``jmp shell`` ended, if its commands had begun: ``exit_code`` and its ``words``."""


class Order(t.TypedDict):
    """What it is told.

    ``argv`` and ``environment`` of ``jmp shell``, the ``directory`` of its commands, ``lock`` the descriptor that it
    gets of a local device, ``owner`` the pid and start of ansible-playbook.
    """

    argv: list[str]
    environment: dict[str, str]
    directory: str
    lock: int | None
    owner: tuple[int, int]


def main() -> None:
    """Run ``jmp shell``; the order comes on standard input. Nothing is left of one whose commands were not wanted."""
    order: Order = json.loads(sys.stdin.readline())
    directory, owner = pathlib.Path(order["directory"]), Owner(*order["owner"])

    def end(_number: int, _frame: types.FrameType | None) -> None:
        # Whoever ends a lease waits a second for this process, and less than that is no end of jmp.
        if not (directory / STARTED).exists():
            shutil.rmtree(directory, ignore_errors=True)
        raise SystemExit(1)

    try:
        signal.signal(signal.SIGTERM, end)
        sys.stdout.write("prepared\n")
        sys.stdout.close()
        finished = run_bounded(
            order["argv"],
            timeout=LONGEST_SECONDS,
            environment=order["environment"],
            owner=owner,
            descriptor=order["lock"],
        )
        if (directory / STARTED).exists():
            os.environ.update(order["environment"])
            words = plain_line(finished.stderr or finished.stdout, tokens_of(order["argv"]))
            write_json(directory / FINISHED, {"exit_code": finished.exit_code, "words": words})
    except (OwnerGone, CommandTimeout, OSError) as error:
        raise SystemExit(str(error)) from None
    finally:
        if not (owner.is_alive() and (directory / STARTED).exists()):
            shutil.rmtree(directory, ignore_errors=True)
