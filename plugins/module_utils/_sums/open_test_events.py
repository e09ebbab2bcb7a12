# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a closer knows of the test events of its play, and what SUMS is to hold of those that stay open."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums.marks import settled_metadata
from ansible_collections.hatci.automation.plugins.module_utils._vin import same_vin

Message = dict[str, t.Any]
KNOWN = ("created", "event_id", "event", "doubt", "reported")
"""What the tasks of the play are told of a test event."""

VERDICTS = ("PASS", "FAIL")
"""The outcomes that say something of the vehicle."""

Key = tuple[str, str]
"""Address of SUMS and id of a test event."""


@dataclasses.dataclass
class OpenTestEvent:
    """A test event without an outcome.

    :param connection: the options that lead to SUMS.
    :param host: inventory name of the host that the test is of.
    :param vin: of the vehicle that the test is of.
    :param created: what tells it from another one that SUMS may give the same id.
    :param keep_report_in: directory for a report that SUMS does not take.
    :param report: what the play was about to send.
    :param failure: what ended the test, as ``outcome``, ``message`` and the name of the ``step``.
    :param doubt: what is known against the device having been held all along, as ``words`` and ``is_lost``.
    :param reported: the outcome that SUMS took of the play.
    :param held: names of the leases that the host had then.
    :param event: what tells the event from another one that SUMS may give the same id.
    :param deployment_seen: how the deployment stood after the play had ended.
    :param deployment_failed: whether it had ended without the update.
    :param deployment_ended: whether it had ended, one way or the other.
    :param lost_record: whether SUMS has another deployment under its id, or none.
    :param was_tried: whether SUMS was away when it was to get the report.
    """

    connection: dict[str, t.Any]
    test_event_id: str
    host: str
    job: str
    metadata: dict[str, t.Any]
    keep_report_in: str
    vin: str = ""
    created: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    report: dict[str, t.Any] | None = None
    event_id: str | None = None
    event: dict[str, str] = dataclasses.field(default_factory=dict)
    deployment_id: str | None = None
    deployment_seen: str | None = None
    deployment_failed: bool = False
    deployment_ended: bool = False
    lost_record: bool = False
    was_tried: bool = False
    failure: dict[str, str] | None = None
    doubt: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    reported: str | None = None
    held: frozenset[str] = frozenset()

    def note(self, known: Message) -> None:
        """Note a failure, or a step forward: after that the play went on, so no failure before it was the end."""
        failure = known.get("failure")
        if failure is None:
            self.failure = None
        elif self.failure is None or (self.failure["outcome"] == "ERROR" and failure["outcome"] != "ERROR"):
            self.failure = failure
        if event_id := known.get("event_id"):
            self.event = known.get("event") or (self.event if event_id == self.event_id else {})
            self.event_id = event_id
        self.deployment_id = known.get("deployment_id") or self.deployment_id

    @property
    def asks_for_deployment(self) -> bool:
        """Whether SUMS can say more of how the test ended."""
        return bool(self.deployment_id and not (self.report or self.failure or self.deployment_seen))

    @property
    def failed_step(self) -> str:
        """Name of the step that ended the test; empty if none is known to have."""
        return self.failure.get("step", "") if self.failure and not self.report else ""

    def final_report(self) -> dict[str, t.Any]:
        """Return what SUMS is to hold: what the play was about to send, or else what is known."""
        if self.report:
            return self.report
        if self.failure:
            outcome, what = self.failure["outcome"], self.failure["message"]
        else:
            outcome, what = "ABORTED", f"the play of job {self.job} ended before it reported an outcome."
            deployment = f"Deployment {self.deployment_id} {self.deployment_seen or 'had been created'}."
            # A scenario may want its update to fail.
            if self.deployment_failed and not self.metadata.get("expect"):
                outcome, what = "FAIL", f"{deployment} T{what[1:]}"
            elif self.deployment_id:
                what += f" {deployment}"
        if outcome == "FAIL" and self.doubt.get("is_lost"):
            outcome, what = "ERROR", f"{self.doubt['words']} Until then: {what}"
        linked = {"event_id": self.event_id} if self.event_id else {}
        metadata = {**settled_metadata(self.metadata), "outcome": outcome}
        return {"status": "FAIL", "summary": f"{outcome}: {what}", **linked, "metadata": metadata}


class OpenTestEvents:
    """The test events of a play, kept up to date by the messages of its tasks."""

    def __init__(self) -> None:
        self._open: dict[Key, OpenTestEvent] = {}
        self._settled: dict[Key, OpenTestEvent] = {}
        """Those whose outcome SUMS has taken."""
        self._leases: dict[str, set[str]] = {}
        """The leases that each host has."""
        self.evidence: dict[str, str] = {}
        """Of each host the directory in which the evidence of its test is not finished."""
        self.finished: list[str] = []
        """The directories of the evidence that the play has finished."""
        self.connections: list[dict[str, t.Any]] = []
        """The options that led to SUMS, also for test events that have an outcome."""

    def record(self, message: Message) -> Message:
        """Record a message, and return what is answered.

        ``watch``, ``report``, ``settled`` and ``ask`` are about a test event, ``note``, ``lease``,
        ``lease_over`` and ``evidence`` about a host.
        """
        answer: Message = {}
        for about, told in message.items():
            if about == "note":
                self._note(told)
                continue
            if about == "lease":
                self._leases.setdefault(told["host"], set()).add(told["name"])
                continue
            if about == "lease_over":
                answer = self._end_lease(**told)
                continue
            if about == "evidence":
                self.evidence |= {told["host"]: told["directory"]}
                self.evidence = {host: directory for host, directory in self.evidence.items() if directory}
                self.finished += [told["finished"]] if told.get("finished") else []
                continue
            key = (told.pop("base_url"), told.pop("test_event_id"))
            if about == "watch":
                if told["connection"] not in self.connections:
                    self.connections.append(told["connection"])
                # The same object for all, since a closer shall cost little memory.
                told["connection"] = self.connections[self.connections.index(told["connection"])]
                self._open[key] = OpenTestEvent(test_event_id=key[1], **told)
            elif about == "settled":
                self._settle(key, **told)
            elif about == "ask":
                answer = self._known_of(key, told["host"])
            elif about == "report" and key in self._open:
                self._open[key].report = told["report"]
                self._open[key].keep_report_in = told["keep_report_in"]
        return answer

    def left(self) -> list[OpenTestEvent]:
        """Return those without an outcome."""
        return list(self._open.values())

    def _settle(self, key: Key, outcome: str = "") -> None:
        """Note that SUMS has taken an outcome, and which leases its host has meanwhile."""
        event = self._open.pop(key, None) or self._settled.get(key)
        if event:
            event.report, event.failure = None, None
            event.reported, event.held = outcome, frozenset(self._leases.get(event.host, ()))
            self._settled[key] = event

    def _known_of(self, key: Key, host: str) -> Message:
        """Return what is known of a test event of this play, and which leases its host has."""
        event = self._open.get(key) or self._settled.get(key)
        known = {name: value for name in KNOWN if (value := getattr(event, name, None))}
        return {**known, "is_own": event is not None, "leases": sorted(self._leases.get(host, ()))}

    def _end_lease(self, host: str, name: str, doubt: Message, *, has_record: bool) -> Message:
        """Note that a lease is over; that it did not hold is told of the tests of that time.

        :returns: as ``passed`` the test events for which PASS was reported under a lease that was lost; they are open
            again.
        """
        is_known = has_record or name in self._leases.get(host, ())
        if not doubt or doubt["is_lost"]:
            self._leases.get(host, set()).discard(name)
        for event in self._open.values():
            if event.host != host or not is_known:
                continue
            if doubt:
                event.doubt = {**doubt, "lease": name}
            elif event.doubt.get("lease") == name and not event.doubt["is_lost"]:
                event.doubt = {}
        if not doubt.get("is_lost"):
            return {}
        undone = {
            key: event
            for key, event in self._settled.items()
            if event.host == host and name in event.held and event.reported in VERDICTS
        }
        for key, event in undone.items():
            event.failure = {"outcome": "ERROR", "message": doubt["words"]}
            self._open[key] = self._settled.pop(key)
        return {"passed": [event.test_event_id for event in undone.values() if event.reported == "PASS"]}

    def _note(self, told: Message) -> None:
        """Note something about the latest test event of a host, or of the vehicle that it is told with."""
        vin = str(told.get("vin") or "")
        of_host = [event for event in self._open.values() if event.host == told["host"]]
        if vin:
            of_host = [event for event in of_host if not event.vin or same_vin(event.vin, vin)]
        if of_host:
            of_host[-1].note(told)
