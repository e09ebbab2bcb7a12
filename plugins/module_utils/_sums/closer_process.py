# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closer: sees to it that no test event of a play stays open when that play has died.

One for each play. It waits for the end of ansible-playbook. Where the play was about to report an outcome, it
sends that report; else it closes the test event as FAIL, outcome ABORTED. Tokens come through its mailbox and stay
in this process's memory.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._watchers import event_loop
from ansible_collections.hatci.automation.plugins.module_utils._watchers.control_socket import take

SEND_SECONDS = 600.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
MOST_AT_ONCE = 16

TestEvent = dict[str, t.Any]
"""``connection``: the options that lead to SUMS, ``test_event_id``, ``report``: what SUMS is told should the play die,
and ``keep_report_in``: the directory for a report that SUMS does not take."""


class Order(event_loop.Order):
    """What a closer is told.

    ``listening`` is the descriptor of its mailbox and ``mailbox`` the path, ``search_path`` where Python packages
    are, ``environment`` that of the play, with its proxies.
    """

    listening: int
    mailbox: str
    search_path: list[str]
    environment: dict[str, str]


class Closer:
    """Closes what a play leaves open."""

    def __init__(self, order: Order, watch: event_loop.EventLoop) -> None:
        self._order = order
        self._watch = watch
        self._open: dict[tuple[str, str], TestEvent] = {}

    def run(self) -> None:
        """Wait for the end of the play, then close its test events."""
        self._watch.log(f"watching process {self._order['owner']}")
        with socket.socket(fileno=self._order["listening"]) as mailbox:
            while self._watch.until_readable(mailbox.fileno()):
                take(mailbox, self._record)
            mailbox.setblocking(False)
            while self._watch.is_readable(mailbox.fileno()):
                take(mailbox, self._record)
        left = list(self._open.values())
        if left:
            sys.path.extend(self._order["search_path"])
            os.environ.update(self._order["environment"])
            self._close(left)
        self._remove_files(*([] if left else [self._order["log"]]))

    def _record(self, message: dict[str, t.Any]) -> None:
        for about, told in message.items():
            key = (told["base_url"], told["test_event_id"])
            if about == "watch":
                self._open[key] = told
            elif about == "settled":
                self._open.pop(key, None)
            elif about == "report" and key in self._open:
                self._open[key].update(told)

    def _close(self, left: list[TestEvent]) -> None:
        # Only now: while it waits, a closer shall cost little memory.
        from concurrent.futures import ThreadPoolExecutor

        deadline = time.monotonic() + SEND_SECONDS
        pause = FIRST_PAUSE
        while True:
            with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
                settled = list(pool.map(self._send, left))
            left = [event for event, is_settled in zip(left, settled, strict=True) if not is_settled]
            if not left or time.monotonic() + pause > deadline:
                break
            self._watch.pause(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        for event in left:
            self._keep(event)

    def _send(self, event: TestEvent) -> bool:
        """Report to SUMS; return whether nothing is left to do."""
        from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
        from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
        from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection
        from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import forget_report
        from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import send_report

        try:
            with SumsClient(Connection.from_options(event["connection"])) as client:
                send_report(client, event["test_event_id"], event["report"], {})
        except errors.SumsError as error:
            self._watch.log(f"SUMS could not be told of {event['test_event_id']}: {error.message}")
            if getattr(error, "transient", False):
                return False
            self._keep(event)
        else:
            with contextlib.suppress(OSError):
                forget_report(event["keep_report_in"], event["test_event_id"])
            report = event["report"]
            self._watch.log(f"reported {event['test_event_id']} {report.get('status')}: {report.get('summary')}")
        return True

    def _keep(self, event: TestEvent) -> None:
        from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import keep_report

        try:
            path = keep_report(event["keep_report_in"], event["test_event_id"], event["report"])
        except OSError as error:
            self._watch.log(f"the report of {event['test_event_id']} could not be kept: {error}")
        else:
            self._watch.log(f"the report is kept in {path}")

    def _remove_files(self, *others: str) -> None:
        mailbox = self._order["mailbox"]
        for file in (mailbox, mailbox.removesuffix(".socket") + ".lock", *others):
            with contextlib.suppress(OSError):
                os.unlink(file)


def main() -> None:
    """Run a closer."""
    event_loop.serve(lambda order, watch: Closer(order, watch).run())
