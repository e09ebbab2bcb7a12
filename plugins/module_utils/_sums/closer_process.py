# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closer: sees to it that no test event stays open when its play has died.

It waits for the end of ansible-playbook. If the play was about to report an outcome, it sends that
report; if not, it closes the test event as FAIL, outcome ABORTED. The token comes with the order,
through standard input, and stays in this process's memory.
"""

from __future__ import annotations

import pathlib
import sys
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._watchers import watching
from ansible_collections.hatci.automation.plugins.module_utils._watchers.files import read_json

SEND_SECONDS = 600.0
LONGEST_PAUSE = 30.0


class Order(watching.Order):
    """What a closer is told.

    ``connection`` are the options that lead to SUMS, ``record`` the file by which the play finds its
    closer, ``report`` the one in which it puts what it is about to report, ``aborted`` what is
    reported without one, ``keep_report_in`` the directory for a report that SUMS does not take,
    ``search_path`` where Python packages are.
    """

    connection: dict[str, t.Any]
    test_event_id: str
    record: str
    report: str
    aborted: dict[str, t.Any]
    keep_report_in: str
    search_path: list[str]


def close(order: Order, watch: watching.Watching) -> None:
    """Wait for the end of the play, then close the test event."""
    watch.log(f"watching process {order['owner']} for test event {order['test_event_id']}")
    watch.until_end()
    report = pathlib.Path(order["report"])
    body = read_json(report) or order["aborted"]
    _send(order, body, watch)
    report.unlink(missing_ok=True)
    pathlib.Path(order["record"]).unlink(missing_ok=True)


def _send(order: Order, body: dict[str, t.Any], watch: watching.Watching) -> None:
    # Only now: while it waits, a closer shall cost little memory.
    sys.path.extend(order["search_path"])
    from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
    from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
    from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection
    from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import keep_report

    deadline = time.monotonic() + SEND_SECONDS
    pause = 1.0
    while True:
        try:
            with SumsClient(Connection.from_options(order["connection"])) as client:
                client.patch("test_events", order["test_event_id"], body=body)
        except errors.SumsError as error:
            watch.log(f"SUMS could not be told: {error.message}")
            if not getattr(error, "transient", False) or time.monotonic() + pause > deadline:
                path = keep_report(order["keep_report_in"], order["test_event_id"], body)
                watch.log(f"the report is kept in {path}")
                return
        else:
            watch.log(f"reported {body.get('status')}: {body.get('summary')}")
            return
        watch.pause(pause)
        pause = min(LONGEST_PAUSE, pause * 2)


def main() -> None:
    """Run a closer."""
    watching.serve(close)
