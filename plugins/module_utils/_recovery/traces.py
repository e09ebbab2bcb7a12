# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the results of a job's tasks tell of its tests, whether they come from AAP's events or from a journal."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._aap.job_history import BEGUN, module_of, seconds_of
from ansible_collections.hatci.automation.plugins.module_utils._recovery.resumption import HANDED_OVER
from ansible_collections.hatci.automation.plugins.module_utils._sums.own_test_event import (
    identity_of_event,
    what_was_created,
)
from ansible_collections.hatci.automation.plugins.module_utils._sums.records import PREDICTED_ID
from ansible_collections.hatci.automation.plugins.module_utils._sums.reports import FIELDS
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import could_be_id, find_id
from ansible_collections.hatci.automation.plugins.module_utils._vin import same_vin

Values = dict[str, t.Any]

TARGET = "UROM"
TELL_COMMANDS = ("jumpstarter_shell", "jumpstarter_disturbance", "jumpstarter_power")
"""The modules whose results are those of commands, not of the items of a loop."""
MAKING = "hatci_test_event"
TAKEN_OVER = "hatci_resume"
"""The module whose result names a test event that another job had made."""
NOTED = ("hatci_create_event", "hatci_deploy_event", "jumpstarter_lease", "hatci_handover", "hatci_vehicle_check")
"""The modules whose results tell more of a test than how it ended."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What a task returned.

    :param module: name of the module of this collection.
    :param result: None where it cannot be read: hidden by no_log, or too long to be kept.
    """

    module: str
    host: str
    result: Values | None
    failed: bool = False

    @property
    def arguments(self) -> Values:
        """The arguments of the task, as far as they are kept."""
        return _mapping(_mapping((self.result or {}).get("invocation")).get("module_args"))


@dataclasses.dataclass
class Trace:
    """One test as its tasks tell of it.

    :param test_event_id: empty if it cannot be read.
    :param created: what tells the test event from another one that SUMS may give the same id.
    :param event_id: the target event.
    :param event: what tells it from another one that SUMS may give the same id.
    :param lease_name: the lease that was held when the tasks ended.
    :param kept_lease: the lease that stays held beyond the job; once the test was judged it is for people.
    :param leases: all that the test had.
    :param unsent: the report that SUMS did not take.
    :param is_reported: SUMS has its outcome.
    :param has_hidden: something that belongs here cannot be read.
    :param before: what the vehicle said before its update.
    :param handed_over: the mark with which it was left to another job.
    """

    host: str
    test_event_id: str = ""
    vin: str = ""
    job: str = ""
    created: Values = dataclasses.field(default_factory=dict)
    metadata: Values = dataclasses.field(default_factory=dict)
    source_event_id: str = ""
    event_id: str = ""
    event: Values = dataclasses.field(default_factory=dict)
    deployment_id: str = ""
    lease_name: str = ""
    kept_lease: str = ""
    leases: list[str] = dataclasses.field(default_factory=list)
    unsent: Values | None = None
    is_reported: bool = False
    has_hidden: bool = False
    before: Values = dataclasses.field(default_factory=dict)
    handed_over: Values = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Story:
    """What the events of a job tell.

    :param traces: its tests.
    :param kept: until when leases stay held on purpose, in seconds since the epoch, by their names.
    :param seen_at: when the last event happened, in seconds since the epoch; None if there is none.
    """

    traces: list[Trace] = dataclasses.field(default_factory=list)
    kept: dict[str, float] = dataclasses.field(default_factory=dict)
    seen_at: float | None = None


def story_of(events: t.Iterable[Values]) -> Story:
    """Return what the events of a job tell; each is looked at once, and none is kept."""
    story = Story()

    def seen() -> t.Iterator[Values]:
        for event in events:
            moment = seconds_of(event.get("created"))
            if moment is not None:
                story.seen_at = max(moment, moment if story.seen_at is None else story.seen_at)
            yield event

    def steps() -> t.Iterator[Step]:
        for step in steps_of_events(seen()):
            story.kept |= kept_leases([step])
            yield step

    story.traces = traces_of(steps())
    return story


def steps_of_events(events: t.Iterable[Values]) -> t.Iterator[Step]:
    """Yield what the tasks of this collection returned, by the events of a job of AAP.

    A job that died while it made a test event tells of it by the task's begin alone.
    """
    making: set[str] = set()
    for event in events:
        data = _mapping(event.get("event_data"))
        module, host = module_of(data), str(data.get("host") or "")
        making.discard(host)
        if not module:
            continue
        if event.get("event") == BEGUN:
            making |= {host} if module == MAKING else set()
            continue
        failed = event.get("event") == "runner_on_failed"
        given = data.get("res")
        result = given if isinstance(given, dict) and given and "censored" not in given else None
        items = (result or {}).get("results") if module not in TELL_COMMANDS else None
        if isinstance(items, list) and all(isinstance(item, dict) for item in items) and items:
            for item in items:
                readable = None if "censored" in item else item
                yield Step(module, host, readable, failed=bool(item.get("failed")))
        else:
            yield Step(module, host, result, failed=failed)
    for host in sorted(making):
        yield Step(MAKING, host, None)


def steps_of_journal(lines: t.Iterable[Values], host: str = "") -> t.Iterator[Step]:
    """Yield what the tasks of a test returned, by the lines of its journal."""
    arguments: dict[str, Values] = {}
    for line in lines:
        if line.get("event") == "begin":
            arguments[str(line.get("id"))] = _mapping(line.get("arguments"))
        elif line.get("event") == "end" and isinstance(line.get("module"), str):
            invocation = {"module_args": arguments.get(str(line.get("id")), {})}
            result = {**_mapping(line.get("result")), "invocation": invocation}
            yield Step(line["module"], host, result, failed=line.get("outcome") == "failed")


def traces_of(steps: t.Iterable[Step]) -> list[Trace]:
    """Return the tests that the steps tell of, in the order in which they began; those of check mode are none."""
    traces: list[Trace] = []
    of_host: dict[str, list[Trace]] = {}
    of_id: dict[str, Trace] = {}
    for step in steps:
        own = of_host.setdefault(step.host, [])
        if step.module in (MAKING, TAKEN_OVER) and not step.failed:
            trace = _begun(step)
            traces.append(trace)
            own.append(trace)
            of_id.setdefault(trace.test_event_id, trace)
        elif step.module == "hatci_test_event_update":
            _note_report(step, of_id, own[-1] if own else None)
        elif step.module in NOTED and (about := _trace_of(step, own)):
            _note(step, about)
    return [trace for trace in traces if trace.test_event_id != PREDICTED_ID]


def _trace_of(step: Step, own: list[Trace]) -> Trace | None:
    """Return the test that a step is of: the latest of its host, unless the step names another vehicle or event."""
    vin, event_id = _vin_of(step), find_id(step.arguments, "event_id")
    if vin:
        own = [trace for trace in own if not trace.vin or same_vin(trace.vin, vin)]
    elif event_id and any(trace.event_id == event_id for trace in own):
        own = [trace for trace in own if trace.event_id == event_id]
    return own[-1] if own else None


def _vin_of(step: Step) -> str:
    """Return the vehicle of an event or a deployment; empty if it is not told."""
    records = [step.arguments, *(_mapping((step.result or {}).get(name)) for name in ("event", "deployment"))]
    return next((found for record in records if (found := _text(record.get("vin")))), "")


def kept_leases(steps: t.Iterable[Step]) -> dict[str, float]:
    """Return until when leases stay held on purpose, in seconds since the epoch, by their names."""
    kept = {}
    for step in steps:
        result = step.result or {}
        until, name = result.get("kept_until_seconds"), find_id(result, "lease_name")
        is_time = isinstance(until, (int, float)) and not isinstance(until, bool)
        if step.module == "jumpstarter_lease" and name and is_time and not step.failed:
            kept[name] = float(t.cast("float", until))
    return kept


def _begun(step: Step) -> Trace:
    result = step.result or {}
    record = _mapping(result.get("test_event"))
    test_event_id = find_id(result, "test_event_id") or ""
    return Trace(
        host=step.host,
        test_event_id=test_event_id,
        vin=_text(record.get("vin")),
        job=_text(record.get("ansible_job_id")),
        created=what_was_created(record),
        metadata=_mapping(record.get("metadata")),
        event_id=find_id(result, "target_event_id") or "",
        deployment_id=find_id(result, "deployment_id") or "",
        lease_name=find_id(result, "lease_name") or "",
        before=_mapping(result.get("before")),
        has_hidden=not test_event_id,
    )


def _note_report(step: Step, of_id: t.Mapping[str, Trace], latest: Trace | None) -> None:
    """Note a report; of one that cannot be read the host's latest test counts as reported, since it may be."""
    arguments = step.arguments
    named = find_id(arguments, "test_event_id") or find_id(_mapping((step.result or {}).get("test_event")), "id")
    about = of_id.get(named) if named else latest
    if about is None:
        return
    if (step.result or {}).get("another_record"):
        about.is_reported = True  # it would be refused again, or change the record of another test
    elif step.failed:
        report = {name: arguments[name] for name, kind in FIELDS.items() if isinstance(arguments.get(name), kind)}
        about.unsent = report if report.get("status") in ("PASS", "FAIL") else about.unsent
    elif arguments.get("status") or not arguments:
        about.is_reported = True
    if about.kept_lease == about.lease_name and (about.is_reported or about.unsent):
        about.lease_name = ""


def _note(step: Step, trace: Trace) -> None:
    if step.failed:
        return
    match step.module:
        case "hatci_create_event":
            kind = step.arguments.get("update_type") or _mapping((step.result or {}).get("event")).get("update_type")
            found = _id_or_hidden(step, "event_id", trace)
            if kind == TARGET:
                trace.event_id = found or trace.event_id
                trace.event = identity_of_event((step.result or {}).get("event"))
            elif kind:
                trace.source_event_id = found or trace.source_event_id
        case "hatci_deploy_event":
            trace.deployment_id = _id_or_hidden(step, "deployment_id", trace) or trace.deployment_id
            event_id = find_id(step.arguments, "event_id") or trace.event_id
            trace.event = trace.event if event_id == trace.event_id else {}
            trace.event_id = event_id
        case "jumpstarter_lease" if step.arguments.get("state") in (None, "acquire"):
            trace.lease_name = _id_or_hidden(step, "lease_name", trace) or trace.lease_name
            trace.leases.append(trace.lease_name)
        case "jumpstarter_lease" if step.arguments.get("state") == "release":
            trace.lease_name = ""
        case "jumpstarter_lease" if step.arguments.get("state") == "kept":
            trace.kept_lease = trace.lease_name
        case "hatci_handover":
            trace.handed_over = _mapping((step.result or {}).get(HANDED_OVER))
            told = _mapping((step.result or {}).get("handover"))
            trace.event_id = trace.event_id or find_id(told, "target_event_id") or ""
            trace.deployment_id = trace.deployment_id or find_id(told, "deployment_id") or ""
        case "hatci_vehicle_check" if step.arguments.get("moment") == "before":
            trace.before = _mapping((step.result or {}).get("record"))


def _id_or_hidden(step: Step, name: str, trace: Trace) -> str:
    found = find_id(step.result, name) or ""
    trace.has_hidden |= not found
    return found


def _text(value: t.Any) -> str:
    return str(value) if isinstance(value, (str, int)) and could_be_id(str(value)) else ""


def _mapping(value: t.Any) -> Values:
    return value if isinstance(value, dict) else {}
