# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several scenarios, one after the other, on one vehicle: what is done, where that leaves the vehicle, how it ended."""

from __future__ import annotations

import math
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import full_stop
from ansible_collections.hatci.automation.plugins.module_utils._outcome import CHECKED, GOOD, PASS, VehicleTest
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, canonical
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import (
    name_of,
    software_differences,
)

SOURCE, TARGET, UNKNOWN = "source", "target", "unknown"
"""Which software the vehicle has."""

TEST, RETURN = "test", "return"
"""Kinds of steps: a test event of a scenario, and the update that brings the vehicle to where a scenario begins."""

RETURNS: dict[str, dict[str, str]] = {
    SOURCE: {"name": "return_to_the_source", "offer": SOURCE},
    TARGET: {"name": "return_to_the_target"},
}
"""The scenarios of the steps back, by the software that they bring."""

PLANNED, NOTED, SETTLED = STATES = ("planned", "noted", "settled")
HOW_FAR = ("scenarios", "rows", "tally", "position", "stopped", "open_deployment")
CONTINUE, STOP = ON_FAILURE = ("continue", "stop")
INVALID = "INVALID"
PERCENTILES = (50, 90, 99)
KEPT = (
    *("outcome", "summary", "vin", "state", "took", "held", "run"),
    *("test_event_id", "source_event_id", "target_event_id", "deployment_id"),
)

NO_CYCLES: dict[str, t.Any] = {
    **{"last": None, "decisive": None, "left_out": None, "failed_cycles": [], "not_run": 0},
    **{"durations": [], "took": 0.0, "held": None, "evidence": []},
}
"""The tally of a scenario before its first cycle."""

Values = t.Mapping[str, t.Any]
Step = dict[str, t.Any]


def manage_suite(options: Values, check_mode: bool) -> dict[str, t.Any]:
    """Plan a suite, note how one of its steps ended, or what became of an update that a step had left open.

    :returns: ``changed`` (never), and how far the suite is: ``scenarios`` (their names), ``rows`` of those that have
        ended, ``tally`` of the one that has not, ``position`` of the vehicle, ``stopped``: why no further test is
        made, and ``open_deployment``: the one that has to end before the next step. Planning adds ``steps``, noting a
        ``line``: how far a scenario is that is repeated.
    """
    if options["state"] == PLANNED:
        steps = plan(options["scenarios"] or [], check_mode, stops=options.get("on_failure") == STOP)
        names = list(dict.fromkeys(step["name"] for step in steps))
        begun = {"scenarios": names, "rows": {}, "tally": {}, "position": SOURCE, "stopped": "", "open_deployment": ""}
        return {"changed": False, **begun, "steps": steps}
    if options["state"] == SETTLED:
        return {"changed": False, **settle(options["suite"], options["step"], options)}
    return {"changed": False, **note(options["suite"], options["step"], options)}


def plan(scenarios: t.Iterable[Values], check_mode: bool = False, *, stops: bool = False) -> list[Step]:
    """Return what is done, in its order.

    :param scenarios: of each what was `given`, the whole `scenario`, and what is to be said of that.
    :param check_mode: every cycle is the same, and nothing is brought back.
    :param stops: whether no further test is made after one that did not pass.
    :returns: of each step its `kind`, the `name` of its scenario (one that is there twice is numbered), its `cycle` of
        so many `cycles` and whether it is the last that is planned (`is_last_cycle`), what was `given`, with which
        software the vehicle `begins`, and whether nothing follows if it does not pass (`ends_suite`). In check mode it
        `says` in sentences what would be done.
    """
    steps: list[Step] = []
    names: dict[str, int] = {}
    for entry in scenarios:
        scenario = entry["scenario"]
        name = str(scenario.get("name") or "nominal")
        names[name] = names.get(name, 0) + 1
        cycles = int(scenario.get("repeat") or 1)
        begins = TARGET if scenario.get("offer") == SOURCE else SOURCE
        shared: Step = {
            "name": name if names[name] == 1 else f"{name} ({names[name]})",
            "purpose": str(scenario.get("purpose") or ""),
            "begins": begins,
            "cycles": cycles,
        }
        if check_mode:
            shared["says"] = [_headline(shared), *_way_back(shared, is_first=not steps), *entry.get("says", ())]
        planned = 1 if check_mode else cycles
        for cycle in range(1, planned + 1):
            here = {**shared, "cycle": cycle, "is_last_cycle": cycle == planned}
            if not check_mode and (steps or begins != SOURCE):
                steps.append({**here, "kind": RETURN, "given": RETURNS[begins]})
            steps.append({**here, "kind": TEST, "given": entry["given"]})
    last = len(steps) - 1
    return [{**step, "ends_suite": stops or step["kind"] == RETURN or n == last} for n, step in enumerate(steps)]


def _headline(step: Step) -> str:
    times = f", {step['cycles']} times" if step["cycles"] > 1 else ""
    return f"{step['name']}{times}, beginning on the {step['begins']} software. {step['purpose']}".rstrip()


def _way_back(step: Step, *, is_first: bool) -> list[str]:
    """Return in a sentence how the vehicle comes to where a scenario begins; none if it is to be there."""
    begins_there = is_first and step["begins"] == SOURCE
    if begins_there and step["cycles"] == 1:
        return []
    when = "it" if step["cycles"] == 1 else "each further cycle" if begins_there else "each cycle"
    return [
        f"Before {when} the vehicle is brought to the {step['begins']} software by an update of its own, unless it is "
        "there already."
    ]


def note(suite: Values, step: Step, options: Values) -> dict[str, t.Any]:
    """Return how far a suite is after a step.

    :param suite: how far it was before.
    """
    said = {**{name: suite[name] for name in HOW_FAR}, "line": ""}
    result = options["result"] or {}
    judged = VehicleTest.of("", result, options["reason"])
    if not suite["stopped"] and options["was_done"]:
        said["position"] = _position(suite, step, options)
    if step["kind"] == RETURN:
        if not suite["stopped"] and options["was_done"] and not judged.is_good:
            said["stopped"] = (
                f"It was not run, since the vehicle could not be brought to the {step['begins']} software: "
                f"{judged.reason}"
            )
        return said
    if suite["stopped"]:
        return _note_tally(said, step, leave_out(suite["tally"], step, suite["stopped"]))
    found = {name: result.get(name) for name in KEPT}
    found |= {"outcome": judged.outcome, "summary": judged.reason or str(result.get("summary") or "")}
    left = [options["evidence"]] if options["evidence"] else []
    tally = {**add(suite["tally"], step, found), "evidence": [*suite["tally"].get("evidence", []), *left]}
    if options["on_failure"] == STOP and found["outcome"] not in GOOD:
        reason = f"It was not run, since {step['name']} was {found['outcome']} and ota_suite_on_failure is stop."
        said["stopped"] = reason
    if not said["stopped"] and not step["ends_suite"] and _is_open(result, options):
        said["open_deployment"] = str(result["deployment_id"])
    said["line"] = progress(step, tally)
    return _note_tally(said, step, tally)


def _note_tally(said: Values, step: Step, tally: Values) -> dict[str, t.Any]:
    """Return how far a suite is with the tally of a scenario, which is a row after its last cycle."""
    if step["is_last_cycle"]:
        return {**said, "tally": {}, "rows": {**said["rows"], step["name"]: row_of(step, tally)}}
    return {**said, "tally": tally}


def settle(suite: Values, step: Step, options: Values) -> dict[str, t.Any]:
    """Return how far a suite is after the wait for an update that a step had left open.

    :param suite: how far it was before.
    """
    said = {**{name: suite[name] for name in HOW_FAR}, "open_deployment": "", "line": ""}
    update = options["update"] or {}
    if not _has_ended(update, options):
        said["stopped"] = (
            f"It was not run, since the update of {step['name']}, deployment {suite['open_deployment']}, "
            f"is still open: {update.get('msg') or 'SUMS does not say that it has ended.'}"
        )
    return said


def add(tally: Values, step: Step, found: Values) -> dict[str, t.Any]:
    """Return the tally of a scenario with one more cycle.

    :param tally: empty before the first one.
    :param found: how the cycle ended. The first that failed decides, one that was FAIL before all others.
    """
    tally = {**NO_CYCLES, **tally}
    is_good = found["outcome"] in GOOD
    decisive = tally["decisive"]
    is_worse = not is_good and (decisive is None or (found["outcome"] == "FAIL") > (decisive["outcome"] == "FAIL"))
    took = found.get("took")
    return {
        **tally,
        "last": dict(found),
        "decisive": {**found, "cycle": step["cycle"]} if is_worse else decisive,
        "failed_cycles": [*tally["failed_cycles"], *([] if is_good else [step["cycle"]])],
        "durations": [*tally["durations"], *([took] if is_good and took is not None else [])],
        "took": tally["took"] + (took or 0.0),
        "held": _sum(tally["held"], found.get("held")),
    }


def leave_out(tally: Values, step: Step, reason: str) -> dict[str, t.Any]:
    """Return the tally of a scenario with one more cycle that was not run, which is not one that failed."""
    tally = {**NO_CYCLES, **tally}
    found = {"outcome": INVALID, "summary": reason, "cycle": step["cycle"]}
    firsts = {name: tally[name] or found for name in ("last", "decisive", "left_out")}
    return {**tally, **firsts, "not_run": tally["not_run"] + 1}


def progress(step: Step, tally: Values) -> str:
    """Return how far a scenario that is repeated has come; empty text of one that is not."""
    if step["cycles"] == 1:
        return ""
    return f"{step['name']}: cycle {step['cycle']} of {step['cycles']}, {len(tally['failed_cycles'])} failed"


def row_of(step: Step, tally: Values) -> dict[str, t.Any]:
    """Return how a scenario ended: as its only test, or as all of its cycles together, with the ids of the decisive."""
    cycles, decisive = step["cycles"], tally["decisive"]
    row = {
        "scenario": step["name"],
        "evidence": tally["evidence"],
        **{key: (decisive or tally["last"]).get(key) for key in KEPT},
    }
    if cycles == 1 or row["outcome"] == CHECKED:
        return row
    durations, failed, not_run = tally["durations"], tally["failed_cycles"], tally["not_run"]
    found = {f"p{share}": percentile(durations, share) for share in PERCENTILES} if durations else {}
    told = f"{len(failed)} of {cycles} cycles failed" if failed else f"{cycles - not_run} of {cycles} cycles passed"
    told += f", {not_run} were not run" if not_run else ""
    spread = "".join(f", {label} {value:.1f} s" for label, value in found.items())
    reason = f"; cycle {decisive['cycle']} was {decisive['outcome']}: {decisive['summary']}" if decisive else "."
    if failed and not_run:
        first = tally["left_out"]
        reason = f"{full_stop(reason)} Cycle {first['cycle']} was {first['outcome']}: {first['summary']}"
    return {
        **row,
        "summary": f"{told}{spread}{reason}",
        "took": tally["took"],
        "held": tally["held"],
        "cycles": cycles,
        "failed_cycles": failed,
        "not_run": not_run,
        "percentiles": found,
    }


def overall(rows: t.Mapping[str, Values]) -> dict[str, t.Any]:
    """Return how the whole suite of a vehicle ended, in the form of one test."""
    bad = {name: row for name, row in rows.items() if row["outcome"] not in GOOD}
    row = next((row for row in bad.values() if row["outcome"] == "FAIL"), next(iter((bad or rows).values())))
    told = f"{len(bad)} of {len(rows)} scenarios failed: {', '.join(bad)}." if bad else f"{len(rows)} scenarios passed."
    return {**row, "scenario": "", "summary": told}


def _position(suite: Values, step: Step, options: Values) -> str:
    """Return which software the vehicle has after a step.

    One that did not reach its end may have left anything, and an update that is still open may change it yet. Else what
    its ECUs said last decides. Where they were not asked, an update that was not begun changes nothing, and one that
    passed did what it was for.
    """
    result = options["result"] or {}
    if not result.get("outcome") or _is_open(result, options):
        return UNKNOWN
    is_deployed = bool(result.get("deployment_id"))
    look = _last_look(options, is_deployed)
    if look:
        source, target = options["source_ecus"] or [], options["target_ecus"] or []
        if not software_differences(source, look) and not _left_behind(step, options, look):
            return SOURCE
        return UNKNOWN if software_differences(target, look) else TARGET
    if not is_deployed:
        return str(suite["position"])
    if result.get("outcome") == PASS and _is_in(result, options["success_states"] or ()):
        return str(step["begins"]) if step["kind"] == RETURN else SOURCE if step["begins"] == TARGET else TARGET
    return UNKNOWN


def _left_behind(step: Step, options: Values, look: list[Values]) -> list[str]:
    """Return the ECUs that the source event does not name and that have got the target software all the same."""
    named = {name_of(ecu) for ecu in options["source_ecus"] or []}
    new = [ecu for ecu in options["target_ecus"] or [] if name_of(ecu) not in named]
    before = ((options["looks"] or {}).get("before") or {}).get("ecus") or [] if step["kind"] == TEST else []
    return [
        name_of(ecu) for ecu in new if not software_differences([ecu], look) and software_differences([ecu], before)
    ]


def _is_open(result: Values, options: Values) -> bool:
    """Whether a test has left an update behind that is not known to have ended."""
    return bool(result.get("deployment_id")) and result.get("outcome") != CHECKED and not _has_ended(result, options)


def _has_ended(record: Values, options: Values) -> bool:
    return _is_in(record, [*(options["success_states"] or ()), *(options.get("failure_states") or FAILURE)])


def _is_in(record: Values, states: t.Iterable[str]) -> bool:
    return canonical(record.get("state")) in map(canonical, states)


def _last_look(options: Values, is_deployed: bool) -> list[Values]:
    """Return the ECUs of the last look at the vehicle; none if that was before a deployment."""
    looks, look = options["looks"] or {}, options["look"] or {}
    if looks.get("after"):
        return list(looks["after"].get("ecus") or [])
    if look.get("failed") or not is_deployed:
        return list((look.get("record") or {}).get("ecus") or [])
    return []


def _sum(one: float | None, other: float | None) -> float | None:
    return other if one is None else one + (other or 0.0)


def percentile(values: t.Sequence[float], share: float) -> float:
    """Return the smallest of the values that `share` percent of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share / 100 * len(ordered))) - 1]
