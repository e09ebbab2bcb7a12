# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a test, made of its journal and nothing else. Its schema is docs/evidence-record.schema.json."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.clock import (
    NAMES,
    seconds_between,
    straightened,
)
from ansible_collections.hatci.automation.plugins.module_utils._evidence.console import LINE, MARK, TIME
from ansible_collections.hatci.automation.plugins.module_utils._evidence.journal import Journal, Line
from ansible_collections.hatci.automation.plugins.module_utils._evidence.looks import checks_of, looks_of
from ansible_collections.hatci.automation.plugins.module_utils._evidence.outcome import MEANING_OF_CHECKS, PASS
from ansible_collections.hatci.automation.plugins.module_utils._evidence.values import shorten

FORMAT = "hatci-ota-test-record"
VERSION = 1

MAX_STEPS = 500
MAX_CONSOLE = 100
MAX_CONSOLE_TEXT = 30_000
MAX_ALL_STEPS = 80_000
SHORTER = ((8, 200), (2, 100))
"""So many items and characters are kept of what the longest steps hold, if all of them are longer than that."""

IDS = ("test_event_id", "source_event_id", "target_event_id", "deployment_id", "lease_name")
MAKERS = {
    "test_event_id": ("hatci_resume", "hatci_test_event"),
    "deployment_id": ("hatci_resume", "hatci_deploy_event"),
}
"""The modules that tell an id first hand; only without them others are believed."""

UPDATE_TYPES = {"RROM": "source_event_id", "UROM": "target_event_id"}
VEHICLE = ("vin", "host", "vehicle_id", "exporter", "program_name", "model_year", "region")
TEST = ("tester", "suite", "scenario", "expect", "step")
RECORDING = ("file", "end_file", "began", "lines", "gaps")

OFFER_OF_A_WAY_BACK = "source"

DONE = ("ok", "changed")


UPDATING = ("hatci_deploy_event", "hatci_resume", "hatci_update_status")
"""When one of these begins, the update begins, or has begun; the first that there is tells."""

NOT_THE_TEST = ("jumpstarter_recorder",)
"""Whatever fails of these is evidence that is missing, and no end of a test."""

Record = dict[str, t.Any]


def make_record(journal: Journal) -> Record:
    """Return the record of a test; what the journal does not tell is null or empty.

    What a lab does by itself, such as to a second vehicle, stands among the steps and is no part of this test.
    """
    lines, set_back = straightened(journal.lines)
    journal = dataclasses.replace(journal, lines=lines)
    about, result = _told(journal.lines, "test"), _told(journal.lines, "result")
    told = {**about, **{name: value for name, value in result.items() if value not in (None, "")}}
    steps = _steps(journal.lines)
    own = [step for step in steps if not step.get("is_of_lab")]
    began = journal.lines[0]["time"] if journal.lines else ""
    ended = journal.lines[-1]["time"] if journal.lines else ""
    looks = looks_of(own)
    lease = _lease(own, ended)
    recorded = _told(journal.lines, "console")
    found = {**{name: _identified(own, name) for name in IDS}, **_created(own)}
    found |= {"lease_name": lease["name"]} if lease else {}
    ids = {name: str(_given(told, "ids").get(name) or found[name] or "") for name in IDS}
    return {
        "format": FORMAT,
        "version": VERSION,
        "outcome": str(told.get("outcome") or "ABORTED"),
        "summary": str(told.get("summary") or ""),
        "ended_by": str(told.get("ended_by") or "play"),
        "began": began,
        "ended": ended,
        "seconds": seconds_between(began, ended),
        "vehicle": {
            **{name: str(told.get(name) or "") for name in VEHICLE},
            "exporter": str(told.get("exporter") or _latest(own, "exporter", "jumpstarter_lease") or ""),
        },
        "test": {name: str(told.get(name) or "") for name in TEST},
        "software": {
            **_offered(told, own),
            "before": told.get("before") or looks.get("before") or _account(own, before=True),
            "after": told.get("after") or looks.get("after") or _account(own, before=False),
        },
        "lease": lease,
        "deployment": _deployment(journal.lines, own, ids["deployment_id"]),
        "disturbances": [_disturbance(item) for item in told.get("disturbances") or []],
        "checks": [*checks_of(steps), *(_check(item) for item in told.get("checks") or [])],
        "failure": _failure(told, steps, is_named="failed_step" in result and result.get("ended_by") == "play"),
        "reported": told.get("reported") or _reported(own, ids["test_event_id"]),
        "troubles": [str(trouble) for trouble in told.get("troubles") or []],
        "unsigned": str(_told(journal.lines, "key").get("unsigned") or ""),
        "steps": _bounded([_shown(step) for step in steps[:MAX_STEPS]]),
        "console": [*_console(steps), *_excerpt(recorded)],
        "recording": {name: recorded[name] for name in RECORDING if name in recorded} if recorded else None,
        "transcript": next((x["result"]["transcript"] for x in steps if x["result"].get("transcript")), None),
        "ids": ids,
        "job": {name: str(_given(told, "job").get(name) or "") for name in ("id", "url", "revision")},
        "links": [str(link) for link in told.get("links") or []],
        "versions": {
            **{name: str(value) for name, value in _given(told, "versions").items()},
            **_jmp_version(steps),
        },
        "drivers": {name: str(value) for name, value in _given(told, "drivers").items()},
        "journal": {
            **{"lines": len(journal.lines), "torn_lines": journal.torn, "is_complete": not journal.is_full},
            "shortened_lines": journal.shortened,
            **({"clock_set_back": set_back} if set_back else {}),
        },
    }


def _told(lines: list[Line], event: str) -> Line:
    """Return what all lines of an event say together, later ones last."""
    told: Line = {}
    for line in lines:
        if line["event"] == event:
            told.update({name: value for name, value in line.items() if name not in (*NAMES, "event")})
    return told


def _given(told: Line, name: str) -> Line:
    value = told.get(name)
    return value if isinstance(value, dict) else {}


def _steps(lines: list[Line]) -> list[Record]:
    """Return the steps in the order in which they began; one without an end was under way when its play died."""
    steps: dict[str, Record] = {}
    for line in lines:
        if line["event"] == "begin":
            steps[str(line.get("id"))] = {**line, "began": line["time"], "outcome": "unfinished", "result": {}}
        elif line["event"] == "end" and str(line.get("id")) in steps:
            step = steps[str(line.get("id"))]
            step.update({name: value for name, value in line.items() if name != "arguments"}, ended=line["time"])
            step["result"] = _given(step, "result")
    return list(steps.values())


def _shown(step: Record) -> Record:
    return {
        "step": str(step.get("step") or ""),
        "module": str(step.get("module") or ""),
        "began": step["began"],
        "ended": step.get("ended"),
        "seconds": step.get("seconds"),
        "outcome": step["outcome"],
        "message": str(step.get("msg") or ""),
        "arguments": _given(step, "arguments"),
        "result": step["result"],
        **({"is_of_lab": True} if step.get("is_of_lab") else {}),
    }


def _bounded(steps: list[Record]) -> list[Record]:
    """Return steps of bounded size: of the longest less is kept, as they say; the journal has all of it."""
    for items, text in SHORTER:
        sizes = [len(json.dumps(step, ensure_ascii=False)) for step in steps]
        longest = sorted(range(len(steps)), key=sizes.__getitem__, reverse=True)
        excess = sum(sizes) - MAX_ALL_STEPS
        for n in longest:
            if excess <= 0:
                break
            short = {
                name: shorten(steps[n][name], items=items, text=text) for name in ("message", "arguments", "result")
            }
            steps[n] = {**steps[n], **short, "is_shortened": True}
            excess -= sizes[n] - len(json.dumps(steps[n], ensure_ascii=False))
    return steps


def _latest(steps: list[Record], name: str, module: str | None = None) -> t.Any:
    """Return what the latest step that did not fail says under a name."""
    found = [
        step["result"][name]
        for step in steps
        if step["result"].get(name) and step["outcome"] != "failed" and module in (None, step.get("module"))
    ]
    return found[-1] if found else None


def _identified(steps: list[Record], name: str) -> t.Any:
    makers = MAKERS.get(name, ())
    return next((found for maker in makers if (found := _latest(steps, name, maker))), None) or _latest(steps, name)


def _is_about(step: Record, name: str, known: str) -> bool:
    """Whether a step is about what has this id; one that does not tell is."""
    told = step["result"].get(name) or _given(step, "arguments").get(name)
    return not told or not known or str(told) == known


def _created(steps: list[Record]) -> dict[str, t.Any]:
    """Return the ids of the events that the steps created."""
    return {
        UPDATE_TYPES[update_type]: step["result"].get("event_id")
        for step in steps
        if step.get("module") == "hatci_create_event"
        and step["outcome"] in DONE
        and (update_type := _given(step, "arguments").get("update_type")) in UPDATE_TYPES
    }


def _offered(told: Line, steps: list[Record]) -> Record:
    """Return the software of the source and of the target event as SUMS was sent it, else as the test began with it.

    A way back offers the software of the source event as that of the target event.
    """
    is_way_back = told.get("offer") == OFFER_OF_A_WAY_BACK
    offered = {
        "source": _software(told.get("target" if is_way_back else "source")),
        "target": _software(told.get("source" if is_way_back else "target")),
    }
    for step in steps:
        arguments = _given(step, "arguments")
        event = UPDATE_TYPES.get(str(arguments.get("update_type")))
        if event and step.get("module") == "hatci_create_event":
            name = event.partition("_")[0]
            sent = _software(arguments)
            offered[name] = {part: sent[part] or offered[name][part] for part in sent}
    return offered


def _software(value: t.Any) -> Record:
    given = value if isinstance(value, dict) else {}
    ecus = given.get("ecus") if isinstance(given.get("ecus"), list) else []
    return {
        "build_level": str(given.get("build_level") or ""),
        "ecus": [ecu for ecu in ecus or [] if isinstance(ecu, dict)],
    }


def _account(steps: list[Record], before: bool) -> Record | None:
    """Return what the vehicle said of itself before the deployment, or the last time after it."""
    updating = (n for module in UPDATING for n, step in enumerate(steps) if step.get("module") == module)
    deployed = next(updating, len(steps))
    asked = steps[:deployed] if before else steps[deployed:]
    accounts = [
        step["result"]
        for step in asked
        if step.get("module") == "jumpstarter_diagnostics" and step["result"].get("ecus")
    ]
    if before and not accounts:
        accounts = [account for step in steps if (account := _given(step["result"], "before")).get("ecus")]
    if not accounts:
        return None
    return {name: accounts[-1].get(name) for name in ("vin", "ecus", "taken_at", "voltage")}


def _lease(steps: list[Record], ended: str) -> Record | None:
    """Return when the device was held; one that was not given back is held to the end of the journal.

    What could not be kept was given back instead. One whose giving back failed may have been lost before.
    """
    own = [step for step in steps if step.get("module") == "jumpstarter_lease"]
    acquired = next((step for step in own if _state(step) in ("", "acquire") and step["outcome"] in DONE), None)
    if acquired is None:
        return None
    name = str(acquired["result"].get("lease_name") or "")
    ends = [
        step
        for step in own[own.index(acquired) :]
        if _state(step) in ("kept", "release")
        and not step["result"].get("kept_until")
        and _is_about(step, "lease_name", name)
    ]
    released = next((step for step in ends if step["outcome"] in DONE), None)
    until = released["ended"] if released else None
    has_failed = not released and any(step["outcome"] == "failed" for step in ends)
    return {
        "name": name,
        "exporter": str(acquired["result"].get("exporter") or ""),
        "mode": str(acquired["result"].get("mode") or ""),
        "acquired": acquired["ended"],
        "released": until,
        "seconds": seconds_between(acquired["ended"], until or ended),
        **({"was_held": released["outcome"] == "changed"} if released else {}),
        **({"release_failed": True} if has_failed else {}),
    }


def _state(step: Record) -> str:
    return str(_given(step, "arguments").get("state") or "")


def _deployment(lines: list[Line], steps: list[Record], deployment_id: str) -> Record | None:
    if not deployment_id:
        return None
    states = [
        {"time": line["time"], "state": str(line.get("state") or ""), "progress": line.get("progress")}
        for line in lines
        if line["event"] == "state" and line.get("deployment_id") == deployment_id
    ]
    asked = [
        step
        for step in steps
        if step.get("module") == "hatci_update_status"
        and step["result"].get("state")
        and _is_about(step, "deployment_id", deployment_id)
    ]
    waits = [step for step in asked if _given(step, "arguments").get("wait")]
    last = (waits or asked)[-1]["result"] if asked else {}
    for step in asked:
        place = sum(seen["time"] <= (step.get("ended") or "") for seen in states)
        if step.get("ended") and (not place or states[place - 1]["state"] != step["result"]["state"]):
            states.insert(place, {"time": step["ended"], "state": str(step["result"]["state"]), "progress": None})
    has_failed = last.get("outcome") == "FAIL"
    has_ended_well = bool(waits) and waits[-1]["outcome"] in DONE
    return {
        "id": deployment_id,
        "state": str(last.get("state") or (states[-1]["state"] if states else "")),
        "reason": str(last.get("reason") or ""),
        "succeeded": False if has_failed else True if has_ended_well else None,
        "states": states,
        "timestamps": _given(last, "timestamps"),
    }


def _disturbance(item: t.Any) -> Record:
    given = item if isinstance(item, dict) else {}
    return {
        "name": str(given.get("name") or ""),
        **{name: given.get(name) for name in ("what", "at", "reached", "began", "acted", "ended")},
        **{name: given.get(name) for name in ("state", "progress", "state_after", "progress_after")},
        **{name: given.get(name) for name in ("proof", "measured", "problem")},
        "proven": bool(given.get("proven")),
    }


def _check(item: t.Any) -> Record:
    given = item if isinstance(item, dict) else {}
    name = str(given.get("name") or "")
    passed = given.get("passed")
    return {
        "name": name,
        "passed": passed if isinstance(passed, bool) else None,
        "expected": given.get("expected"),
        "measured": given.get("measured"),
        "means": str(given.get("means") or MEANING_OF_CHECKS.get(name, "FAIL")),
    }


def _failure(told: Line, steps: list[Record], *, is_named: bool) -> Record | None:
    """Return what ended the test: the step that the play names, or the first that failed and did not succeed later.

    :param is_named: the play names the step, if one ended the test. Where it names none, or the test passed, a step
        of several tasks that failed ended it all the same, since nothing could rescue that.
    """
    if told.get("ended_by") == "closer" and told.get("outcome") == "ABORTED":
        return None  # whoever told it knows whether a step ended the test
    named = str(told.get("failed_step") or "").rpartition(" : ")[2]
    failed = _failed(steps)
    if not named and (is_named or told.get("outcome") == PASS):
        failed = [step for step in failed if _is_noted(step)]
    elif not named:
        failed = [step for step in failed if not _was_rescued(step, steps)]
    own = [step for step in failed if step.get("step") == named] if named else failed
    outcome = told.get("failure_outcome") if told.get("failure_outcome") != PASS else None
    if own:
        outcome = own[0]["result"].get("outcome") or outcome or None
        return {"step": str(own[0].get("step") or ""), "message": str(own[0].get("msg") or ""), "outcome": outcome}
    return {"step": named, "message": "", "outcome": outcome or None} if named else None


def _failed(steps: list[Record]) -> list[Record]:
    """Return the steps that failed and did not succeed when they were repeated."""
    succeeded = {step.get("step"): n for n, step in enumerate(steps) if step["outcome"] in DONE}
    return [
        step
        for n, step in enumerate(steps)
        if step["outcome"] == "failed"
        and not step.get("is_ignored")
        and step.get("module") not in NOT_THE_TEST
        and n > succeeded.get(step.get("step"), -1)
    ]


def _was_rescued(step: Record, steps: list[Record]) -> bool:
    """Whether a step of several tasks, of which this was one, succeeded, or went on after a task of the user failed."""
    going_on = ("ok", "changed", *(["unfinished"] if "." in str(step.get("module")) else []))
    around = [
        outer
        for outer in steps[: steps.index(step)]
        if _is_noted(outer) and (not outer.get("ended") or step["ended"] <= outer["ended"])
    ]
    return any(outer["outcome"] in going_on for outer in around)


def _is_noted(step: Record) -> bool:
    """Whether a step is one of several tasks."""
    return step.get("module") == ""


def _reported(steps: list[Record], test_event_id: str) -> str | None:
    """Return the outcome that SUMS was told of a test event."""
    own = [
        step
        for step in steps
        if step.get("module") == "hatci_test_event_update"
        and step["outcome"] == "changed"
        and _is_about(step, "test_event_id", test_event_id)
    ]
    arguments = _given(own[-1], "arguments") if own else {}
    return str(_given(arguments, "metadata").get("outcome") or arguments.get("status") or "") or None


def _console(steps: list[Record]) -> list[Record]:
    texts = [
        {
            "time": step.get("ended") or step["began"],
            "step": str(step.get("step") or ""),
            "text": step["result"]["stdout"],
        }
        for step in steps
        if step.get("module") == "jumpstarter_shell" and isinstance(step["result"].get("stdout"), str)
    ]
    kept, left = [], MAX_CONSOLE_TEXT
    for text in [text for text in texts if text["text"].strip()][:MAX_CONSOLE][::-1]:
        left -= len(text["text"])
        kept += [text] if left >= 0 else []
    return kept[::-1]


def _excerpt(recorded: Line) -> list[Record]:
    """Return the end of what was recorded of the serial console, as the last text of the console."""
    text = str(recorded.get("excerpt") or "")
    name = recorded.get("end_file") or recorded.get("file")
    began = next((line[:TIME] for line in text.splitlines() if line[TIME:].startswith((LINE, MARK))), None)
    return [{"time": began or recorded["began"] or None, "step": f"End of {name}", "text": text}] if text else []


def _jmp_version(steps: list[Record]) -> dict[str, t.Any]:
    version = _latest(steps, "version", "jumpstarter_info")
    return {"jmp": version} if version else {}
