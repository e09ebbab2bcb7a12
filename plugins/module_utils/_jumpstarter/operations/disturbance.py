# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation behind jumpstarter_disturbance: an update is disturbed, the disturbance proven, and undone."""

from __future__ import annotations

import contextlib
import inspect
import os
import time
import typing as t
import uuid

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device import command_runner
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.diagnostics import read_ecus
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.prepared_shell import (
    dismiss,
    prepare,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.route import find_route
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.session import (
    last_line,
    run_on_device,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper import tell_keeper
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.diagnostics import read_vehicle
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.options import Caller
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import check_text
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline

UNREACHABLE, POWER, COMMANDS, NONE = PROOFS = ("unreachable", "power", "commands", "none")

OFF_VOLTS = 0.5
"""A supply of less is off, whatever the meter's noise."""
ACT_SECONDS = 30.0
"""What it takes to begin, on a busy machine."""
UNDO_TRIES = 3
END_TRIES = 5
PAUSE_SECONDS = 1.0
LONGEST_SECONDS = 30 * 86400.0

Options = t.Mapping[str, t.Any]
Result = dict[str, t.Any]
Proof = tuple[str, str, list[Result]]
"""What was measured, why it proves nothing (empty if it does), and what commands printed."""


def disturb(options: Options, check_mode: bool) -> Result:
    """Wait for a moment, disturb what runs on a device, prove that it is disturbed, or undo that.

    :returns: ``changed``; with ``begun`` ``id``, ``began``, ``acted`` and ``problem``; with ``proven`` ``proven``,
        ``measured`` and ``problem``; with ``undone`` ``ended``. ``results`` has what commands that ran printed.
    :raises LeaseLost: nobody would undo it if the play died, so nothing was done.
    """
    until, lasts = options["until"], options["lasts"]
    if not 0 <= lasts <= LONGEST_SECONDS:
        raise errors.InputError(f"lasts is {lasts:g}; give seconds, from 0 to 30 days.")
    for kind in ("commands", "undo"):
        for number, command in enumerate(options[kind] or [], start=1):
            check_text(command, f"Number {number} of {kind}")
    if not check_mode and until is not None:
        Caller.from_options(options).pause(min(max(0.0, until - time.time()), lasts or LONGEST_SECONDS))
    acts = {"awaited": _await, "prepared": _prepare, "begun": _begin, "proven": _prove, "undone": _undo}
    return acts[options["state"]](options, check_mode)


def _await(_options: Options, _check_mode: bool) -> Result:
    return {"changed": False}


def _prepare(options: Options, check_mode: bool) -> Result:
    """Start what would make the commands of a disturbance late."""
    caller = Caller.from_options(options)
    result: Result = {"changed": False}
    if check_mode or not (options["commands"] and options["lease_name"] and caller.owner):
        return result
    with contextlib.ExitStack() as stack:
        route = find_route(options, options["timeout"], caller, stack)
        try:
            prepare(route, options["commands"], caller.owner)
        except errors.JumpstarterError as error:
            result["warnings"] = [f"{error.message} It begins later than its point by the start of jmp."]
    return result


def _begin(options: Options, check_mode: bool) -> Result:
    name = options["id"] or f"disturbance-{uuid.uuid4().hex[:8]}"
    result: Result = {"changed": True, "id": name, "began": time.time(), "acted": True, "problem": ""}
    if check_mode:
        return result
    if options["undo"]:
        _register(options, name)
    began = time.time()
    if not options["commands"]:
        return {**result, "began": began}
    results = run_on_device(options, options["commands"], may_be_prepared=True)
    failed = _failure_of(results)
    return {
        **result,
        "began": began,
        "done": time.time(),
        "acted": not failed,
        "problem": failed,
        "results": results,
    }


def _register(options: Options, name: str) -> None:
    """Have the keeper of the lease undo it, should the play not."""
    caller = Caller.from_options(options)
    with contextlib.ExitStack() as stack:
        if not options["lease_name"]:
            raise errors.InputError(
                "No lease is held, so nobody would undo the disturbance if the play died; acquire the device first "
                "with the role jumpstarter_lease_guard."
            )
        route = find_route(options, options["timeout"], caller, stack)
        undo = {
            "id": name,
            "commands": list(options["undo"]),
            "target": [os.path.abspath(word) if os.path.isfile(word) else word for word in route.target],
            "runner": inspect.getsource(command_runner),
            "due": options["lasts"] + ACT_SECONDS,
        }
        tell_keeper(route.lease_name, caller.owner, {"undo": undo})


def _prove(options: Options, check_mode: bool) -> Result:
    """Look whether it is disturbed, again and again as long as it lasts, since devices take a moment to go down."""
    if check_mode:
        return {"changed": False, "proven": True, "measured": "", "problem": "", "took": 0.0}
    prove = {UNREACHABLE: _is_unreachable, POWER: _is_off, COMMANDS: _commands_hold, NONE: _needs_no_proof}
    deadline = Deadline(options["lasts"])
    caller = Caller.from_options(options)
    while True:
        began = time.monotonic()
        measured, problem, results = prove[options["proof"]](options)
        if not problem or not deadline.allows(PAUSE_SECONDS):
            found = {"proven": not problem, "measured": measured, "problem": problem}
            told = {"results": results} if results else {}
            return {"changed": False, **found, "took": time.monotonic() - began, **told}
        caller.pause(PAUSE_SECONDS)


def _is_unreachable(options: Options) -> Proof:
    ecus = options["ecus"] or []
    if not ecus:
        raise errors.InputError("proof unreachable needs ecus (ota_vehicle_ecus), which are asked meanwhile.")
    seen = read_vehicle({**options, "settle_timeout": 0.0, "read_codes": False, "clear_codes": False}, False)
    answering = [ecu["name"] for ecu in seen["ecus"] if ecu["reachable"]]
    measured = f"{len(answering)} of {len(ecus)} ECUs answered"
    return measured, f"{', '.join(answering)} still answered" if answering else "", []


def _is_off(options: Options) -> Proof:
    request = {"ecus": [], "read_codes": False, "clear_codes": False}
    voltage = read_ecus({**options, "settle_timeout": 0.0}, request).get("voltage")
    if voltage is None:
        return "not told", "the exporter has no power driver that tells the voltage", []
    return f"{voltage:g} V", "" if voltage < OFF_VOLTS else f"the power driver still reads {voltage:g} V", []


def _commands_hold(options: Options) -> Proof:
    if not options["commands"]:
        return "exit code 0", "", []
    results = run_on_device(options, options["commands"])
    problem = _failure_of(results)
    return problem or "exit code 0", problem, results


def _needs_no_proof(_options: Options) -> Proof:
    return "", "", []


def _undo(options: Options, check_mode: bool) -> Result:
    result: Result = {"changed": bool(options["undo"]), "ended": time.time()}
    if check_mode:
        return result
    if options["lease_name"]:
        dismiss(options["lease_name"])
    if not options["undo"]:
        return result
    caller = Caller.from_options(options)
    results: list[Result] = []
    for left in reversed(range(UNDO_TRIES)):
        done, problem = _run_each(options, options["undo"])
        results += done
        if not problem:
            break
        if not left:
            raise errors.CommandFailed(
                f"The disturbance could not be undone: {problem.rstrip('.')}. The keeper of the lease tries on before "
                "it gives the device back; look at the device.",
                outcome="ERROR",
                results=results,
            )
        caller.pause(PAUSE_SECONDS)
    if options["proof"] == COMMANDS and options["commands"]:
        _require_end(options, caller)
    if options["id"]:
        # A keeper that does not hear of it undoes it once more.
        with contextlib.suppress(errors.LeaseLost):
            tell_keeper(options["lease_name"], caller.owner, {"undone": options["id"]})
    return {**result, "ended": time.time(), "results": results}


def _require_end(options: Options, caller: Caller) -> None:
    """Make sure that what proved the disturbance does not prove it any more; devices take a moment to come up.

    :raises CommandFailed: it does, so undoing it had no effect.
    """
    for left in reversed(range(END_TRIES)):
        results = run_on_device(options, options["commands"])
        if _failure_of(results):
            return
        if left:
            caller.pause(PAUSE_SECONDS)
    raise errors.CommandFailed(
        f"The disturbance could not be undone: {'; '.join(options['undo'])!r:.80} was run, but what proved the "
        f"disturbance still holds, {'; '.join(options['commands'])!r:.80}. The keeper of the lease tries on before it "
        "gives the device back; look at the device.",
        outcome="ERROR",
        results=results,
    )


def _run_each(options: Options, commands: t.Sequence[str]) -> tuple[list[Result], str]:
    """Run every command, also those that follow one that fails; return what ran, and the first problem in words."""
    results: list[Result] = []
    problems: list[str] = []
    while commands:
        try:
            done = run_on_device(options, commands)
            problem = _failure_of(done)
        except errors.DeviceUnreachable as error:
            done, problem = error.details.get("results", []), error.message
        results += done
        problems += [problem] if problem else []
        is_broken_off = bool(problem) and not _failure_of(done)
        commands = commands[len(done) + is_broken_off :]
    return results, next(iter(problems), "")


def _failure_of(results: list[Result]) -> str:
    """Return which of the commands failed, and what it said; empty if none did."""
    last = results[-1] if results else {"rc": 0}
    return f"{last['command']!r:.80} failed with exit code {last['rc']}: {last_line(last)}" if last["rc"] else ""
