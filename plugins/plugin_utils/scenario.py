# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a test differs from the plain one: what disturbs the update, and how it is expected to end.

A scenario is written by people, so a form that is convenient to write becomes one that is convenient to use, and what
cannot be used is refused in one sentence.
"""

from __future__ import annotations

import math
import re
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.hatci.automation.plugins.module_utils._arguments import describe_other
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure, sentence
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import find_progress
from ansible_collections.hatci.automation.plugins.module_utils._sums.states import FAILURE, canonical
from ansible_collections.hatci.automation.plugins.module_utils._times import utc_time
from ansible_collections.hatci.automation.plugins.module_utils._vehicle.ends import (
    COMPLETED,
    COMPLETED_OR_RESTORED,
    ENDS,
)

OFFERS = TARGET, WRONG_PART_NUMBER, SOURCE = ("target", "wrong_part_number", "source")
MEANWHILE = "meanwhile"
"""Of a proof: that its commands succeed only as long as the disturbance lasts."""
UNREACHABLE, POWER, COMMANDS, NONE = PROOFS = ("unreachable", "power", "commands", "none")
TASKS = "tasks"
POWER_OFF, POWER_ON = "power_off", "power_on"
SWITCH_OFF, SWITCH_ON = "j power off", "j power on"
CUTS_POWER = re.compile(r"""(^|[\s;&|({'"`])j(\s+-\S+)*\s+power\s+off\b""")

KEYS = ("name", "purpose", "clause", "disturbances", "expect", "within", "repeat", "offer")
NEEDS = "needs"
"""The variables that must be given for it; whoever reads the scenario looks at them."""

DISTURBANCE_KEYS = ("at", "do", COMMANDS, TASKS, "undo", "for", "proof")
POINTS = ("progress", "state", "seconds")

DEFAULT_FOR = 20.0
DEFAULT_NAME = "scenario"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
DAY = 86400.0
MONTH = 30 * DAY
MOST_DISTURBANCES = 20
MOST_REPEATS = 10000
LONGEST_TEXT = 500
LONGEST_COMMAND = 4000
LONGEST_PROBLEM = 400
COMPLETE = "COMPLETE"
"""How every spelling of success is told."""
DEVICE = ("jumpstarter_exporter_name", "jumpstarter_exporter_selector")
ECUS, LOOKS = "ota_vehicle_ecus", "ota_vehicle_checks"
RIG = (*DEVICE, ECUS, LOOKS)
SWAPPED = ("build_level", "ecus", "remark")

Values = dict[str, t.Any]


class ScenarioRefused(Failure):
    """A scenario cannot be used; the message is one sentence."""


def normalise_scenario(value: t.Any, what: str = "ota_scenario", name: str = DEFAULT_NAME) -> Values:
    """Return a scenario with every key that it may have.

    :param value: the mapping that was written, rendered. An empty one is no scenario, and so is the result.
    :param what: what it is called in a sentence.
    :param name: its name where it has none of its own.
    :returns: `name`, `purpose`, `clause`, `disturbances`, `expect`, `within` (seconds, or None for the test's own),
        `repeat` and `offer`. Each disturbance has `at` (one of `progress`, `state`, `seconds`), `do` (`power_off`,
        `commands` or `tasks`), `commands`, `tasks` (a path), `undo` (commands), `for` (seconds) and `proof` (a word, or
        a mapping with `commands`, and with `meanwhile` if that is true). Normalised again it stays as it is.
    :raises ScenarioRefused: it cannot be used.
    """
    if value is None or value in ({}, ""):
        return {}
    given = _mapping(what, value, (*KEYS, NEEDS))
    within = _within(f"within of {what}", given.get("within"))
    disturbances = _disturbances(what, given.get("disturbances"))
    _refuse_late(what, disturbances, within)
    return {
        "name": _name(f"name of {what}", given.get("name"), name),
        "purpose": _text(f"purpose of {what}", given.get("purpose")),
        "clause": _text(f"clause of {what}", given.get("clause")),
        "disturbances": disturbances,
        "expect": _one_of(f"expect of {what}", given.get("expect"), ENDS, COMPLETED),
        "within": within,
        "repeat": _repeat(f"repeat of {what}", given.get("repeat")),
        "offer": _one_of(f"offer of {what}", given.get("offer"), OFFERS, TARGET),
    }


def _disturbances(what: str, value: t.Any) -> list[Values]:
    if _is_left_out(value):
        return []
    if not isinstance(value, list):
        raise ScenarioRefused(f"disturbances of {what} is {_shown(value)}; give a list.")
    if len(value) > MOST_DISTURBANCES:
        raise ScenarioRefused(f"{what} has {len(value)} disturbances; give {MOST_DISTURBANCES} at the most.")
    return [_disturbance(f"disturbance {number} of {what}", item) for number, item in enumerate(value, start=1)]


def _refuse_late(what: str, disturbances: Iterable[Values], within: float | None) -> None:
    """Refuse a disturbance that would come after the end of its test.

    :raises ScenarioRefused: there is one.
    """
    for number, disturbance in enumerate(disturbances, start=1):
        seconds = disturbance["at"].get("seconds", 0.0)
        if within is not None and seconds >= within:
            raise ScenarioRefused(
                f"disturbance {number} of {what} comes after {seconds:g} s, but within ends the test after {within:g} "
                "s; give a longer within."
            )


def _disturbance(what: str, value: t.Any) -> Values:
    given = _mapping(what, value, DISTURBANCE_KEYS)
    kind, commands, tasks = _action(what, given)
    cuts_power = _cuts_power(kind, commands)
    undo = _undo(f"undo of {what}", given.get("undo"), default=[SWITCH_ON] if cuts_power else [])
    lasts = _seconds(f"for of {what}", given.get("for"), DEFAULT_FOR if undo else 0.0, most=DAY)
    if lasts and not undo:
        raise ScenarioRefused(f"for of {what} is {lasts:g}, but nothing is undone then; give undo, a list of commands.")
    proof = _proof(f"proof of {what}", given.get("proof"), COMMANDS if kind == COMMANDS else UNREACHABLE)
    if isinstance(proof, dict) and proof.get(MEANWHILE) and not undo:
        raise ScenarioRefused(f"proof of {what} has meanwhile, but nothing is undone; give undo, a list of commands.")
    if proof == COMMANDS and kind != COMMANDS:
        raise ScenarioRefused(f"proof of {what} is commands, but it has none; give proof: {{commands: [...]}}.")
    return {
        "at": _point(f"at of {what}", given.get("at")),
        "do": kind,
        "commands": commands,
        "tasks": tasks,
        "undo": undo,
        "for": lasts,
        "proof": proof,
    }


def _action(what: str, given: Values) -> tuple[str, list[str], str]:
    """Return what is done, the commands that do it, and the file of tasks."""
    do = given.get("do")
    ways = {key: given[key] for key in (COMMANDS, TASKS) if not _is_left_out(given.get(key))}
    if do in (POWER_OFF, TASKS) and ways.get(COMMANDS) == []:  # as it stands in a scenario that is complete
        del ways[COMMANDS]
    if isinstance(do, Mapping):
        inner = _mapping(f"do of {what}", do, (COMMANDS, TASKS))
        if len(inner) + len(ways) != 1:
            raise ScenarioRefused(f"do of {what} must have one of commands and tasks.")
        ways |= inner
    elif not _is_left_out(do):
        if do == POWER_OFF and not ways:
            return POWER_OFF, [], ""
        if not (do in (COMMANDS, TASKS) and set(ways) == {do}):
            raise ScenarioRefused(
                f"do of {what} is {_shown(do)}{' with ' + ' and '.join(ways) if ways else ''}; "
                "give power_off, commands: [...] or tasks: FILE."
            )
    if len(ways) != 1:
        raise ScenarioRefused(
            f"{what} {'has both commands and tasks' if ways else 'does not say what it does'}; "
            "give one of do: power_off, commands: [...] and tasks: FILE."
        )
    if COMMANDS in ways:
        return COMMANDS, _commands(f"commands of {what}", ways[COMMANDS]), ""
    tasks = ways[TASKS]
    if not isinstance(tasks, str) or not tasks.strip():
        raise ScenarioRefused(f"tasks of {what} is {_shown(tasks)}; give the path of a file with tasks.")
    return TASKS, [], tasks


def _cuts_power(kind: str, commands: Iterable[str]) -> bool:
    return kind == POWER_OFF or any(CUTS_POWER.search(command) for command in commands)


def _undo(what: str, value: t.Any, default: list[str]) -> list[str]:
    if _is_left_out(value):
        return default
    if value == POWER_ON:
        return [SWITCH_ON]
    if isinstance(value, str):
        raise ScenarioRefused(f"{what} is {_shown(value)}; give power_on or a list of commands.")
    return _commands(what, value, may_be_empty=not default)


def _proof(what: str, value: t.Any, default: str) -> str | Values:
    if isinstance(value, Mapping):
        given = _mapping(what, value, (COMMANDS, MEANWHILE))
        meanwhile = given.get(MEANWHILE)
        if not isinstance(meanwhile, bool) and meanwhile is not None:
            raise ScenarioRefused(f"{MEANWHILE} of {what} is {_shown(meanwhile)}; give true or false.")
        proof: Values = {COMMANDS: _commands(f"commands of {what}", given.get(COMMANDS))}
        return {**proof, MEANWHILE: True} if meanwhile else proof
    return _one_of(what, value, PROOFS, default)


def _point(what: str, value: t.Any) -> Values:
    given = _mapping(what, value, POINTS)
    if len(given) != 1:
        raise ScenarioRefused(f"{what} has {len(given)} points; give one of {_named(POINTS)}.")
    [(kind, point)] = given.items()
    if kind == "state":
        return {kind: _needed_text(f"state in {what}", point)}
    if kind == "seconds":
        return {kind: _seconds(f"seconds in {what}", point, None, most=MONTH)}
    progress = _number(point)
    if not 0 < progress <= 100:
        raise ScenarioRefused(f"progress in {what} is {_shown(point)}; give percent, more than 0 and at most 100.")
    return {kind: progress}


def _commands(what: str, value: t.Any, *, may_be_empty: bool = False) -> list[str]:
    if not isinstance(value, list) or not (value or may_be_empty):
        shown = "an empty list" if isinstance(value, list) else _shown(value)
        raise ScenarioRefused(f"{what} is {shown}; give a list of commands such as 'j power off'.")
    for number, command in enumerate(value, start=1):
        if not isinstance(command, str) or not command.strip() or len(command) > LONGEST_COMMAND or "\0" in command:
            raise ScenarioRefused(f"number {number} of {what} is {_shown(command)}; give a command such as 'j power'.")
    return [str(command) for command in value]


def _mapping(what: str, value: t.Any, keys: tuple[str, ...]) -> Values:
    if not isinstance(value, Mapping):
        raise ScenarioRefused(f"{what} is {_shown(value)}; give a mapping of {_named(keys)}.")
    unknown = [str(key) for key in value if key not in keys]
    if unknown:
        raise ScenarioRefused(f"{what} has {unknown[0][:60]}; give {_named(keys)} only.")
    return {str(key): item for key, item in value.items()}


def _name(what: str, value: t.Any, default: str) -> str:
    if _is_left_out(value):
        return default
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise ScenarioRefused(
            f"{what} is {_shown(value)}; give up to 80 letters, digits, underscores, dots and hyphens."
        )
    return str(value)


def _text(what: str, value: t.Any) -> str:
    return "" if _is_left_out(value) else _needed_text(what, value)


def _needed_text(what: str, value: t.Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ScenarioRefused(f"{what} is {_shown(value)}; give text.")
    if len(value) > LONGEST_TEXT:
        raise ScenarioRefused(f"{what} has {len(value)} characters; give {LONGEST_TEXT} at the most.")
    return str(value)


def _one_of(what: str, value: t.Any, choices: tuple[str, ...], default: str) -> str:
    if _is_left_out(value):
        return default
    if not isinstance(value, str) or value not in choices:
        raise ScenarioRefused(f"{what} is {_shown(value)}; give one of {', '.join(choices)}.")
    return str(value)


def _seconds(what: str, value: t.Any, default: float | None, *, most: float) -> float:
    if _is_left_out(value) and default is not None:
        return default
    seconds = _number(value)
    if not 0 <= seconds <= most:
        raise ScenarioRefused(f"{what} is {_shown(value)}; give seconds as a number, 0 or more and at most {most:.0f}.")
    return seconds


def _within(what: str, value: t.Any) -> float | None:
    if _is_left_out(value):
        return None
    seconds = _number(value)
    if not 0 < seconds <= MONTH:
        raise ScenarioRefused(
            f"{what} is {_shown(value)}; give seconds as a number, more than 0 and at most {MONTH:.0f}."
        )
    return seconds


def _repeat(what: str, value: t.Any) -> int:
    if _is_left_out(value):
        return 1
    number = _number(value)
    if not 1 <= number <= MOST_REPEATS or number != int(number):
        raise ScenarioRefused(f"{what} is {_shown(value)}; give a whole number from 1 to {MOST_REPEATS}.")
    return int(number)


def _number(value: t.Any) -> float:
    """Return a number, also from text that a template made of one; NaN if it is none."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan


def _is_left_out(value: t.Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _shown(value: t.Any) -> str:
    return f"the text {value[:60]!r}" if isinstance(value, str) else describe_other(value) or "not given"


def _named(parts: tuple[str, ...]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]


def tasks_of(scenario: Mapping[str, t.Any]) -> list[str]:
    """Return the files of tasks that a normalised scenario names."""
    return [disturbance["tasks"] for disturbance in scenario.get("disturbances", []) if disturbance["tasks"]]


def refuse_unprovable(
    scenario: Mapping[str, t.Any],
    what: str = "The scenario",
    *,
    has_device: bool,
    has_ecus: bool,
    looks_after: bool = True,
) -> None:
    """Refuse a normalised scenario whose disturbances this test cannot make or prove, or whose end it cannot judge.

    :param what: what it is called in a sentence.
    :param has_device: the test leases a device.
    :param has_ecus: the ECUs of the vehicle can be asked.
    :param looks_after: the vehicle is asked after its update.
    :raises ScenarioRefused: it lacks one of them.
    """
    proofs = [disturbance["proof"] for disturbance in scenario.get("disturbances", [])]
    if proofs and not has_device:
        raise ScenarioRefused(
            f"{what} disturbs the vehicle, but no device is leased; set jumpstarter_exporter_name or "
            "jumpstarter_exporter_selector."
        )
    if UNREACHABLE in proofs and not has_ecus:
        raise ScenarioRefused(f"{what} proves a disturbance by ECUs that do not answer; set ota_vehicle_ecus.")
    if not looks_after and scenario.get("expect", COMPLETED) != COMPLETED:
        raise ScenarioRefused(
            f"{what} expects the end {scenario['expect']}, which only the vehicle can tell, but ota_vehicle_checks is "
            "empty; set ota_vehicle_ecus."
        )


def repetition_problem(scenario: Mapping[str, t.Any], *, in_suite: bool) -> str:
    """Return a sentence about cycles of a normalised scenario that a single test does not make; else nothing."""
    cycles = scenario.get("repeat", 1)
    if in_suite or cycles == 1:
        return ""
    return (
        f"The scenario {scenario['name']} has {cycles} cycles, of which one test makes one; run it by the playbook "
        "ota_suite, in ota_suite instead of ota_scenario."
    )


def rig_of(variables: Mapping[str, t.Any]) -> dict[str, bool]:
    """Return what :func:`refuse_unprovable` asks of a test, by the variables of the test that are given."""
    return {
        "has_device": any(variables.get(name) for name in DEVICE),
        "has_ecus": bool(variables.get(ECUS)),
        "looks_after": variables.get(LOOKS) != [],
    }


def offered(variables: Mapping[str, t.Any], offer: str) -> Values:
    """Return the variables of a test with the events that a scenario offers to the vehicle.

    :param offer: `target`; `wrong_part_number` for part numbers that no ECU has; `source` for the swapped update.
    """
    if offer == WRONG_PART_NUMBER:
        ecus = [{**ecu, "part_number": f"{ecu['part_number']}-WRONG"} for ecu in variables.get("hatci_target_ecus", [])]
        return {**variables, "hatci_target_ecus": ecus}
    if offer == SOURCE:
        names = [(f"hatci_source_{part}", f"hatci_target_{part}") for part in SWAPPED]
        other = {name: pair[1 - place] for pair in names for place, name in enumerate(pair)}
        return {other.get(name, name): value for name, value in variables.items()}
    return dict(variables)


def disturbance_of(
    planned: Mapping[str, t.Any],
    point: Mapping[str, t.Any],
    begun: Mapping[str, t.Any],
    during: Mapping[str, t.Any],
    proven: Mapping[str, t.Any],
    undone: Mapping[str, t.Any],
    after: Mapping[str, t.Any],
    success_states: Iterable[str] = (),
    failure_states: Iterable[str] = FAILURE,
    *,
    lasted: Mapping[str, t.Any] | None = None,
    broken: str = "",
    expect: str = "",
) -> Values:
    """Return what is recorded of a disturbance.

    :param planned: of a normalised scenario.
    :param point: how the update stood before, ``during`` it and ``after`` it; the others are the results of the tasks
        that came then, if they did.
    :param success_states: of this SUMS, beside COMPLETE; ``failure_states`` are the others that end an update.
    :param lasted: the proof once more, before it was undone.
    :param broken: what went wrong while it was made; empty if nothing did.
    :param expect: the end that its scenario expects.
    """
    [(kind, value)] = planned["at"].items()
    what = {POWER_OFF: SWITCH_OFF, TASKS: planned["tasks"]}.get(planned["do"]) or "; ".join(planned["commands"])
    is_reached = bool(point.get("reached"))
    problem = ""
    if not is_reached and point.get("msg"):
        problem = str(point["msg"])
    elif not is_reached:
        problem = f"the deployment ended {point.get('state') or '?'} before it came to {kind} {_shown_point(value)}"
    elif _had_ended(planned, expect, str(during.get("state")), success_states, failure_states):
        problem = "the update had ended already when it was disturbed"
    else:
        at_its_end = f"it did not last: {lasted['problem']}" if lasted and lasted.get("problem") else ""
        left = undone.get("msg") if undone.get("failed") else ""
        problem = str(begun.get("problem") or broken or proven.get("problem") or at_its_end or left or "")
    is_proven = is_reached and bool(proven.get("proven")) and not problem
    proof = planned["proof"]
    return {
        "name": planned["do"],
        "what": what[:LONGEST_TEXT],
        "at": dict(planned["at"]),
        "reached": is_reached,
        "state": point.get("state"),
        "progress": _progress(point),
        "state_after": after.get("state"),
        "progress_after": _progress(after),
        "began": _time(begun.get("began")),
        "acted": _time(begun.get("done")),
        "ended": None if undone.get("failed") else _time(undone.get("ended")),
        "proof": COMMANDS if isinstance(proof, Mapping) else proof,
        "measured": str(proven.get("measured") or "")[:LONGEST_PROBLEM],
        "proven": is_proven,
        "problem": "" if is_proven else sentence(problem or "it was not proven")[:LONGEST_PROBLEM],
    }


def calls_of(planned: Mapping[str, t.Any]) -> Values:
    """Return how a disturbance of a normalised scenario is made and proven.

    :returns: ``commands`` that make it, ``proof`` of it, with ``proof_commands`` where commands prove it,
        ``lasting_proof`` that is looked for again before it is undone, and ``undone_proof`` that must fail afterwards.
    """
    proof = planned["proof"]
    by_commands = isinstance(proof, Mapping)
    is_meanwhile = by_commands and bool(proof.get(MEANWHILE))
    lasting = COMMANDS if is_meanwhile else UNREACHABLE if proof == UNREACHABLE else NONE
    return {
        "commands": [SWITCH_OFF] if planned["do"] == POWER_OFF else list(planned["commands"]),
        "proof": COMMANDS if by_commands else proof,
        "proof_commands": list(proof[COMMANDS]) if by_commands else [],
        "lasting_proof": lasting if planned["for"] > 0 else NONE,
        "undone_proof": COMMANDS if is_meanwhile else NONE,
    }


def _had_ended(
    planned: Mapping[str, t.Any],
    expect: str,
    state: str,
    success_states: Iterable[str],
    failure_states: Iterable[str],
) -> bool:
    """Whether an update cannot have been disturbed, by its state right afterwards.

    Commands may be what ended it, as those that cancel it; without power a vehicle tells nobody that it has failed, and
    what it has to bear for a while and then to end in one way or the other has not ended it at once.
    """
    is_without_power = _cuts_power(planned["do"], planned["commands"]) or planned["proof"] == POWER
    is_to_be_borne = bool(planned["undo"]) and expect == COMPLETED_OR_RESTORED
    ends = {COMPLETE, *success_states, *(failure_states if is_without_power or is_to_be_borne else ())}
    return canonical(state) in {canonical(str(end)) for end in ends}


def _time(seconds: t.Any) -> str | None:
    """Return a time in ISO 8601, UTC."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool):
        return None
    return utc_time(seconds)


def _progress(status: Mapping[str, t.Any]) -> float | None:
    return find_progress(status.get("status") or {})


def _shown_point(value: t.Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
