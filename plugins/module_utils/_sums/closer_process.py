# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closer: sees to it that no test event of a play stays open when that play has ended.

One for each play. It waits for the end of ansible-playbook. Where the play was about to report an outcome, it
sends that report; else it says what it was told of the test. Tokens come through its control socket and stay in this
process's memory.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import sys
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.open_test_events import (
    OpenTestEvent,
    OpenTestEvents,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.vehicle_claims import VehicleClaims, take_note
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline, backoff
from ansible_collections.hatci.automation.plugins.module_utils._watchers import event_loop
from ansible_collections.hatci.automation.plugins.module_utils._watchers.control_socket import receive
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerGone

SEND_SECONDS = 600.0
CREATION_SECONDS = 150.0
"""So long after the end of the play whoever is still creating a test event for it is waited for."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
MOST_AT_ONCE = 16


class Order(event_loop.Order):
    """What a closer is told.

    ``listening`` is the descriptor of its control socket, ``search_path`` where Python packages are, ``environment``
    that of the play, with its proxies.
    """

    listening: int
    search_path: list[str]
    environment: dict[str, str]


class Closer:
    """Closes what a play leaves open."""

    def __init__(self, order: Order, watch: event_loop.EventLoop) -> None:
        self._order = order
        self._watch = watch
        self._events = OpenTestEvents()
        self._makers: dict[int, int] = {}
        """Of each process that is creating a test event: its pid and a descriptor that shows its end."""
        self._is_sure = True
        self._claims = VehicleClaims()
        self._reported: set[str] = set()
        """The test events of which SUMS has taken a report of this closer."""
        self._untold: dict[str, str] = {}
        """Of each test event its evidence, which says that SUMS has taken no report yet."""

    def run(self) -> None:
        """Wait for the end of the play, then close its test events."""
        self._watch.log(f"watching process {self._order['owner']}")
        with socket.socket(fileno=self._order["listening"]) as listening:
            while self._watch.until_readable(listening.fileno()):
                receive(listening, self._record)
            self._hear_out(listening)
        self._claims.give_up_all()
        left = self._events.left()
        if left or self._events.evidence:
            sys.path.extend(self._order["search_path"])
            os.environ.update(self._order["environment"])
            self._close(left)
        elif self._is_sure:
            with contextlib.suppress(OSError):
                os.unlink(self._order["log"])

    def _record(self, message: dict[str, t.Any]) -> dict[str, t.Any]:
        answer = take_note(self._claims, message)
        message.pop("claim", None)
        maker, created_by = message.pop("creating", None), message.pop("created_by", None)
        if answer.get("busy"):
            return answer
        if maker:
            with contextlib.suppress(OwnerGone):
                self._makers[maker[0]] = Owner(*maker).open_pidfd()
        if created_by in self._makers:
            os.close(self._makers.pop(created_by))
        return self._events.record(message)

    def _hear_out(self, listening: socket.socket) -> None:
        """Receive what was sent before the end, and what those still have to say who are creating a test event."""
        listening.setblocking(False)
        deadline = Deadline(CREATION_SECONDS)
        while True:
            makers = dict(self._makers)
            seconds = deadline.left if makers else 0.0
            ready = self._watch.readable([listening.fileno(), *makers.values()], seconds)
            if not ready:
                break
            if listening.fileno() in ready:
                receive(listening, self._record)
                continue
            for pid in [pid for pid, pidfd in makers.items() if pidfd in ready]:
                os.close(self._makers.pop(pid))
                self._is_sure = False
                self._watch.log(f"process {pid} ended before it said what it had created; look for it in SUMS")

    def _close(self, left: list[OpenTestEvent]) -> None:
        # Only now: while it waits, a closer shall cost little memory.
        from concurrent.futures import ThreadPoolExecutor

        deadline, tries = Deadline(SEND_SECONDS), 0
        while True:
            tries += 1
            pause = backoff(tries, FIRST_PAUSE, LONGEST_PAUSE)
            with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
                settled = list(pool.map(self._send, left))
            try:
                self._finish_evidence(left)
            except Exception as error:  # whatever is wrong with evidence must cost no report
                self._watch.log(f"evidence could not be finished: {error}")
            left = [event for event, is_settled in zip(left, settled, strict=True) if not is_settled]
            if not left or not deadline.allows(pause):
                break
            self._watch.pause(pause)
        for event in left:
            self._keep(event)

    def _send(self, event: OpenTestEvent) -> bool:
        """Report to SUMS; return whether nothing is left to do."""
        from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
        from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
        from ansible_collections.hatci.automation.plugins.module_utils._sums.deployment_look import look_at_deployment
        from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection
        from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import forget_report
        from ansible_collections.hatci.automation.plugins.module_utils._sums.test_events import send_left_report

        try:
            with SumsClient(Connection.from_options(event.connection)) as client:
                if event.asks_for_deployment:
                    look_at_deployment(client, event)
                stands, report = send_left_report(client, event, is_late=event.was_tried)
        except errors.NotOwn as error:
            self._watch.log(error.message)
        except errors.SumsError as error:
            self._watch.log(f"the report of {event.test_event_id} could not be sent: {error.message}")
            if getattr(error, "transient", False):
                event.was_tried = True
                return False
            self._keep(event)
        else:
            self._reported.add(event.test_event_id)
            forget_report(event.keep_report_in, event.connection["hatci_base_url"], event.test_event_id)
            self._watch.log(
                f"{stands} Nothing was sent to it."
                if stands
                else f"reported {event.test_event_id} {report.get('status')}: {report.get('summary')}"
            )
        return True

    def _finish_evidence(self, events: list[OpenTestEvent]) -> None:
        """Make of the journals what can be read, with the outcome that SUMS is told, once more when it was told."""
        from ansible_collections.hatci.automation.plugins.module_utils._evidence.bundle import read_record
        from ansible_collections.hatci.automation.plugins.module_utils._evidence.whereabouts import (
            found_again,
            test_event_of,
        )

        for finished in self._events.finished:
            record = read_record(pathlib.Path(finished))
            if record:
                self._untold[str(record["ids"].get("test_event_id"))] = finished
        self._events.finished = []
        latest, by_id = {event.host: event for event in events}, {event.test_event_id: event for event in events}
        for host, began_in in self._events.evidence.items():
            directory = found_again(pathlib.Path(began_in))
            known = test_event_of(directory)
            self._finish(str(directory), by_id.get(known) if known else latest.get(host))
        self._events.evidence = {}
        for event in events:
            if event.test_event_id in self._reported and event.test_event_id in self._untold:
                self._finish(self._untold.pop(event.test_event_id), event)

    def _finish(self, directory: str, event: OpenTestEvent | None) -> None:
        """Finish the evidence of one test.

        :param event: its test event, if that has been left open.
        """
        from ansible_collections.hatci.automation.plugins.module_utils._evidence.bundle import (
            finish_as_aborted,
            read_record,
        )
        from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import outcome_of

        report = event.final_report() if event else {}
        outcome = (report.get("metadata") or {}).get("outcome")
        failed_step = event.failed_step if event else ""
        is_reported = event is not None and event.test_event_id in self._reported
        secrets = {token for connection in self._events.connections if (token := _token_of(connection))}
        try:
            finished = finish_as_aborted(
                pathlib.Path(directory), outcome, report.get("summary"), secrets, is_reported, failed_step
            )
            record = read_record(finished) if finished and is_reported else None
            follows = outcome_of(record) if record else ""
        except Exception as error:  # whatever is wrong with evidence must cost no report
            self._watch.log(f"the evidence in {directory} could not be finished: {error}")
        else:
            if event and not is_reported:
                self._untold[event.test_event_id] = str(finished or directory)
            self._watch.log(f"the evidence is in {finished or directory}")
            if record and record["outcome"] != follows:
                self._watch.log(f"its record states {record['outcome']}, and {follows} follows from what it holds")

    def _keep(self, event: OpenTestEvent) -> None:
        from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import keep_report
        from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import hide

        token = _token_of(event.connection)
        try:
            path = keep_report(
                event.keep_report_in,
                event.connection["hatci_base_url"],
                event.test_event_id,
                hide(event.final_report(), [token] if token else []),
                event.created,
                say=self._watch.log,
            )
        except OSError as error:
            self._watch.log(f"the report of {event.test_event_id} could not be kept: {error}")
        else:
            self._watch.log(f"the report is kept in {path}")


def _token_of(connection: dict[str, t.Any]) -> str:
    """Return the token that leads to SUMS, which must not appear in the evidence; empty if it cannot be read."""
    from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
    from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection

    try:
        return Connection.from_options(connection).token
    except errors.SumsError:
        return ""


def main() -> None:
    """Run a closer."""
    event_loop.serve(lambda order, watch: Closer(order, watch).run())
