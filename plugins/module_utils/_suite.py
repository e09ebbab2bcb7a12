# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several scenarios, one after the other, on one vehicle: what is done, where that leaves the vehicle, how it ended."""

from __future__ import annotations

import math
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._outcome import CHECKED, GOOD, PASS, VehicleTest
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.compare import software_differences

SOURCE, TARGET, UNKNOWN = "source", "target", "unknown"
"""Which software the vehicle has."""

TEST, RETURN = "test", "return"
"""Kinds of steps: a test event of a scenario, and the update that brings the vehicle to where a scenario begins."""

RETURNS: dict[str, dict[str, str]] = {
    SOURCE: {"name": "return_to_the_source", "offer": SOURCE},
    TARGET: {"name": "return_to_the_target"},
}
"""The scenarios of the steps back, by the software that they bring."""

PLANNED, NOTED = STATES = ("planned", "noted")
CONTINUE, STOP = ON_FAILURE = ("continue", "stop")
INVALID = "INVALID"
PERCENTILES = (50, 90, 99)
KEPT = (
    *("outcome", "summary", "vin", "state", "took", "held", "run"),
    *("test_event_id", "source_event_id", "target_event_id", "deployment_id"),
)

Values = t.Mapping[str, t.Any]
Step = dict[str, t.Any]


def manage_suite(options: Values, check_mode: bool) -> dict[str, t.Any]:
    """Plan a suite, or note how one of its steps ended.

    :returns: ``changed`` (never), and how far the suite is: ``scenarios`` (their names), ``rows`` of those that have
        ended, ``tally`` of the one that has not, ``position`` of the vehicle, and ``stopped``: why no further test is
        made. Planning adds ``steps``, noting a ``line``: how far a scenario is that is repeated.
    """
    if options["state"] == PLANNED:
        steps = plan(options["scenarios"] or [], check_mode, stops=options.get("on_failure") == STOP)
        names = list(dict.fromkeys(step["name"] for step in steps))
        begun = {"scenarios": names, "rows": {}, "tally": {}, "position": SOURCE, "stopped": ""}
        return {"changed": False, **begun, "steps": steps}
    return {"changed": False, **note(options["suite"], options["step"], options)}


def plan(scenarios: t.Iterable[Values], check_mode: bool = False, *, stops: bool = False) -> list[Step]:
    """Return what is done, in its order.

    :param scenarios: of each what was `given`, and the whole `scenario`.
    :param check_mode: every cycle is the same, and nothing is brought back.
    :param stops: whether no further test is made after one that did not pass.
    :returns: of each step its `kind`, the `name` of its scenario (one that is there twice is numbered), its `cycle` of
        so many `cycles`, what was `given`, with which software the vehicle `begins`, and whether nothing follows if it
        does not pass (`ends_suite`).
    """
    steps: list[Step] = []
    names: dict[str, int] = {}
    for entry in scenarios:
        scenario = entry["scenario"]
        name = str(scenario.get("name") or "nominal")
        names[name] = names.get(name, 0) + 1
        cycles = int(scenario.get("repeat") or 1)
        begins = TARGET if scenario.get("offer") == SOURCE else SOURCE
        shared = {
            "name": name if names[name] == 1 else f"{name} ({names[name]})",
            "purpose": str(scenario.get("purpose") or ""),
            "begins": begins,
            "cycles": cycles,
        }
        for cycle in range(1, 2 if check_mode else cycles + 1):
            if not check_mode and (steps or begins != SOURCE):
                steps.append({**shared, "kind": RETURN, "cycle": cycle, "given": RETURNS[begins]})
            steps.append({**shared, "kind": TEST, "cycle": cycle, "given": entry["given"]})
    last = len(steps) - 1
    return [{**step, "ends_suite": stops or step["kind"] == RETURN or n == last} for n, step in enumerate(steps)]


def note(suite: Values, step: Step, options: Values) -> dict[str, t.Any]:
    """Return how far a suite is after a step.

    :param suite: how far it was before.
    """
    said = {**{name: suite[name] for name in ("scenarios", "rows", "tally", "position", "stopped")}, "line": ""}
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
        found = {"outcome": INVALID, "summary": suite["stopped"]}
    else:
        found = {name: result.get(name) for name in KEPT}
        found |= {"outcome": judged.outcome, "summary": judged.reason or str(result.get("summary") or "")}
    left = [] if suite["stopped"] or not options["evidence"] else [options["evidence"]]
    tally = {**add(suite["tally"], step, found), "evidence": [*suite["tally"].get("evidence", []), *left]}
    if options["on_failure"] == STOP and found["outcome"] not in GOOD and not suite["stopped"]:
        reason = f"It was not run, since {step['name']} was {found['outcome']} and ota_suite_on_failure is stop."
        said["stopped"] = reason
    said["line"] = progress(step, tally)
    if step["cycle"] == step["cycles"] or found["outcome"] == CHECKED:
        return {**said, "tally": {}, "rows": {**suite["rows"], step["name"]: row_of(step, tally)}}
    return {**said, "tally": tally}


def add(tally: Values, step: Step, found: Values) -> dict[str, t.Any]:
    """Return the tally of a scenario with one more cycle.

    :param tally: empty before the first one.
    :param found: how the cycle ended. The first that failed decides, one that was FAIL before all others.
    """
    is_good = found["outcome"] in GOOD
    decisive = tally.get("decisive")
    is_worse = not is_good and (decisive is None or (found["outcome"] == "FAIL") > (decisive["outcome"] == "FAIL"))
    took = found.get("took")
    return {
        "last": dict(found),
        "decisive": {**found, "cycle": step["cycle"]} if is_worse else decisive,
        "failed_cycles": [*tally.get("failed_cycles", []), *([] if is_good else [step["cycle"]])],
        "durations": [*tally.get("durations", []), *([took] if is_good and took is not None else [])],
        "took": tally.get("took", 0.0) + (took or 0.0),
        "held": _sum(tally.get("held"), found.get("held")),
    }


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
    durations, failed = tally["durations"], tally["failed_cycles"]
    found = {f"p{share}": percentile(durations, share) for share in PERCENTILES} if durations else {}
    told = f"{len(failed)} of {cycles} cycles failed" if failed else f"{cycles} of {cycles} cycles passed"
    spread = "".join(f", {label} {value:.1f} s" for label, value in found.items())
    reason = f"; cycle {decisive['cycle']} was {decisive['outcome']}: {decisive['summary']}" if decisive else "."
    return {
        **row,
        "summary": f"{told}{spread}{reason}",
        "took": tally["took"],
        "held": tally["held"],
        "cycles": cycles,
        "failed_cycles": failed,
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

    What its ECUs said last decides. Where they were not asked, an update that was not begun changes nothing, and one
    that passed did what it was for.
    """
    result = options["result"] or {}
    is_deployed = bool(result.get("deployment_id"))
    look = _last_look(options, is_deployed)
    if look:
        named = {SOURCE: options["source_ecus"] or [], TARGET: options["target_ecus"] or []}
        return next((name for name, ecus in named.items() if not software_differences(ecus, look)), UNKNOWN)
    if not is_deployed:
        return str(suite["position"])
    successes = {str(state).upper() for state in options["success_states"] or []}
    if result.get("outcome") == PASS and str(result.get("state") or "").upper() in successes:
        return str(step["begins"]) if step["kind"] == RETURN else SOURCE if step["begins"] == TARGET else TARGET
    return UNKNOWN


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
