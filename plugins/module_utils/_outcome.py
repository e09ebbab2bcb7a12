# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests end: what a failed task makes of a test, what a run says of its vehicles, and the verdict over all."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import pathlib
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._columns import cell, columns, cut, ending, pad, wrap
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure, sentence
from ansible_collections.hatci.automation.plugins.module_utils._files import write_atomically
from ansible_collections.hatci.automation.plugins.module_utils._waves import Stop, Waves

PASS = "PASS"  # noqa: S105  # a verdict
ERROR = "ERROR"
CHECKED = "CHECKED"
"""Outcome of a test in check mode: it could begin, and nothing was done."""
NOT_BEGUN = "NOT_BEGUN"
"""No outcome of a test: its wave was not to begin."""
OUTCOMES = (PASS, "FAIL", "TIMEOUT", ERROR, "ABORTED", "INVALID", CHECKED)
GOOD = (PASS, CHECKED)

NOT_TESTED = ("", "TIMEOUT", "UNKNOWN")
"""Final states that say nothing about the vehicle."""

WIDTH = 80
INDENT = "    "
STATE_WIDTH = 14

Values = t.Mapping[str, t.Any]


def failure_of(result: t.Any, task: str, is_hidden: bool, state: str) -> dict[str, str]:
    """Return what a failed task makes of a test.

    :param result: what the task gave; empty where Ansible itself did not let it run.
    :param task: its name; empty if Ansible does not tell.
    :param is_hidden: it has ``no_log``, so nothing of its result may be shown.
    :param state: state in which the deployment ended, empty if it did not come so far.
    :returns: ``outcome``, ``summary``, and ``reason``: the summary without the name of the task.
    """
    result = result if isinstance(result, t.Mapping) else {}
    outcome = result.get("outcome")
    if outcome not in OUTCOMES:
        outcome = ERROR if state in NOT_TESTED or not (result or task) else "FAIL"
    if is_hidden:
        said = "it failed, and its no_log hides the reason"
    else:
        said = _said(result) if result else "it was stopped, since another host of this play failed"
    name, reason = task.rpartition(" : ")[2], sentence(said)
    summary = sentence(f"{name}: {reason}") if name else reason[:1].upper() + reason[1:]
    return {"outcome": str(outcome), "summary": summary, "reason": reason}


def _said(result: Values) -> str:
    """Return the message of a failed result; of a loop, those of the items that failed."""
    items = result.get("results") or []
    failed = [item for item in items if isinstance(item, t.Mapping) and item.get("failed")] if _is_list(items) else []
    messages = [_message(item) for item in failed] or [_message(result)]
    return "; ".join(messages)


def _message(result: Values) -> str:
    message = result.get("msg") or result.get("stderr") or "no message"
    return "; ".join(map(str, message)) if _is_list(message) else str(message)


def _is_list(value: t.Any) -> bool:
    return isinstance(value, t.Sequence) and not isinstance(value, str)


@dataclasses.dataclass(frozen=True)
class VehicleTest:
    """How the test of one vehicle ended, or one of several tests of it.

    :param took: seconds from its begin to its end, None if it did not begin.
    :param held: seconds that its device was held, None without one.
    :param scenario: its name, where a vehicle has a test for each of several.
    :param cycles: how its repetitions ended, where it has any.
    :param has_outcome: it handed one on; else nothing is known of it.
    """

    vehicle: str
    outcome: str
    vin: str = ""
    state: str = ""
    took: float | None = None
    held: float | None = None
    test_event_id: str = ""
    deployment_id: str = ""
    reason: str = ""
    scenario: str = ""
    cycles: str = ""
    has_outcome: bool = True

    @property
    def name(self) -> str:
        """What tells it from the other tests of a run."""
        return f"{self.vehicle}/{self.scenario}" if self.scenario else self.vehicle

    @property
    def is_good(self) -> bool:
        """Whether it ended as it should."""
        return self.outcome in GOOD

    @classmethod
    def of(cls, vehicle: str, handed_on: t.Any, reason: str = "", scenario: str = "") -> VehicleTest:
        """Read what a test handed on; a test without an outcome is an error.

        :param reason: with which the test ended, where it could hand on nothing.
        """
        found = handed_on if isinstance(handed_on, t.Mapping) else {}
        outcome = str(found.get("outcome") or "")
        text: dict[str, t.Any] = {
            name: str(found.get(name) or "") for name in ("vin", "state", "test_event_id", "deployment_id")
        }
        text["scenario"] = scenario
        took, held = (_seconds(found.get(name)) for name in ("took", "held"))
        if outcome not in OUTCOMES or (outcome in GOOD and reason):
            began = "the test began and did not reach its end" if found.get("began") else "the test did not begin"
            is_told = outcome in OUTCOMES
            return cls(vehicle, ERROR, **text, took=took, held=held, reason=reason or began, has_outcome=is_told)
        summary = "" if outcome in GOOD else str(found.get("summary") or reason)
        cycles = str(found.get("summary") or "") if found.get("cycles") and not summary else ""
        return cls(vehicle, outcome, **text, took=took, held=held, reason=summary, cycles=cycles)


def _seconds(value: t.Any) -> float | None:
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


@dataclasses.dataclass(frozen=True)
class Campaign:
    """The tests of all vehicles of a run.

    :param stop: why its later waves did not begin.
    """

    tests: t.Sequence[VehicleTest]
    stop: Stop | None = None

    @classmethod
    def in_waves(cls, tests: t.Sequence[VehicleTest], waves: Waves, began: t.Sequence[bool]) -> Campaign:
        """Return it with those that were not begun told from those that failed.

        :param tests: in the order of the vehicles.
        :param began: of each whether anything is known of its test.
        """
        stop = waves.stop([test.is_good for test in tests])
        if stop is None:
            return cls(tests)
        told = [
            test if place < stop.end or has_begun else VehicleTest(test.vehicle, NOT_BEGUN)
            for place, (test, has_begun) in enumerate(zip(tests, began, strict=True))
        ]
        return cls(told, stop)

    @property
    def bad(self) -> list[VehicleTest]:
        """The tests that did not end as they should."""
        return [test for test in self.tests if not test.is_good and test.outcome != NOT_BEGUN]

    @property
    def not_begun(self) -> list[VehicleTest]:
        """Those whose wave did not begin."""
        return [test for test in self.tests if test.outcome == NOT_BEGUN]

    @property
    def again(self) -> list[str]:
        """The vehicles that are to run again."""
        return list(dict.fromkeys(test.vehicle for test in (*self.not_begun, *self.bad)))

    def is_within(self, percentage: float) -> bool:
        """Whether all were tested, and no larger share of them failed."""
        are_tested = not self.not_begun and all(test.has_outcome for test in self.tests)
        return are_tested and len(self.bad) * 100 <= percentage * len(self.tests)

    @property
    def totals(self) -> str:
        """How many vehicles had which outcome."""
        counts = collections.Counter(test.outcome for test in self.tests)
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in (*OUTCOMES, NOT_BEGUN) if counts[outcome])
        left = f", {len(self.not_begun)} were not begun" if self.not_begun else ""
        what = "tests" if self.has_scenarios else "vehicles"
        return f"{len(self.bad)} of {len(self.tests)} {what} failed{left} ({told})"

    @property
    def has_scenarios(self) -> bool:
        """Whether the vehicles have more than one test each."""
        return any(test.scenario for test in self.tests)

    def table(self) -> list[str]:
        """Return lines of at most 80 columns: a row a test, failures last with their VIN, ids and reason."""
        most = 16 if self.has_scenarios else 30
        vehicles, vehicle = _told_apart("vehicle", [test.vehicle for test in self.tests], most)
        scenarios, scenario = _told_apart("scenario", [test.scenario for test in self.tests], 30)
        width = len(NOT_BEGUN) if self.not_begun else 8
        form = "{0}  {1}  {2:<8}" if self.has_scenarios else f"{{0}}  {{2:<{width}}} {{3}}"
        form += " {4:>8} {5:>8}"
        head = (pad("vehicle", vehicle), pad("scenario", scenario), "outcome", pad("state", STATE_WIDTH))
        lines = [form.format(*head, "took (s)", "held (s)")]
        for test in [*(test for test in self.tests if test.is_good), *self.not_begun, *self.bad]:
            state = pad(cell(test.state or "-"), STATE_WIDTH)
            row = (vehicles[test.vehicle], scenarios[test.scenario], test.outcome, state)
            lines.append(form.format(*row, _whole(test.took), _whole(test.held)))
            lines += _wrapped(test.cycles)
            if test in self.bad:
                ids = (("VIN", test.vin), ("test event", test.test_event_id), ("deployment", test.deployment_id))
                lines += _wrapped(", ".join(f"{name} {value}" for name, value in ids if value))
                lines += _wrapped(sentence(test.reason))
        return [*lines, *(_wrapped(self.stop.reason) if self.stop else []), *wrap(self.totals, WIDTH)]


def _told_apart(head: str, names: t.Sequence[str], most: int) -> tuple[dict[str, str], int]:
    """Return how each name of a column is shown: of those that begin alike the begin and the end.

    :param head: of the column.
    :param most: columns that it may take.
    :returns: by the name, and the columns that it takes.
    """
    shown = {name: cell(name or "-") for name in names}
    width = min(most, max([columns(head), *map(columns, shown.values())]))
    begins = collections.Counter(cut(name, width) for name in set(shown.values()))
    begin = (width - 3) // 2
    for name, whole in shown.items():
        is_alone = begins[cut(whole, width)] == 1
        shown[name] = pad(whole if is_alone else f"{cut(whole, begin)}...{ending(whole, width - 3 - begin)}", width)
    return shown, width


def _whole(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f}"


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, INDENT)


def verdict_of(handed_on: t.Any, vehicles: t.Any, allowed: t.Any = 0) -> list[str]:
    """Return, for each test of a workflow that is not PASS, what is wrong; empty if all are, or enough of them.

    :param allowed: percentage of vehicles that may have another outcome; each must have been tested.
    :param handed_on: ``ota_tests``: what each test handed on, by vehicle.
    :param vehicles: ``ota_vehicles``: those that the job was launched for.
    """
    tests = handed_on if isinstance(handed_on, t.Mapping) else {}
    named = vehicles.split(",") if isinstance(vehicles, str) and tests else vehicles
    launched = [name for vehicle in named if (name := str(vehicle).strip())] if _is_list(named) else []
    if not tests and not launched:
        return ["No test handed on an outcome: its job was cancelled or died. Look at the job before this one."]
    failures = []
    every = sorted({*launched, *tests})
    for vehicle in every:
        test = VehicleTest.of(vehicle, tests.get(vehicle))
        if test.outcome != PASS:
            failures.append(sentence(f"{test.outcome} {vehicle}: {test.reason}"))
    share = 0.0 if isinstance(allowed, bool) else _seconds(allowed) or 0.0
    share = share if 0 <= share <= 100 else 0.0
    are_tested = all(VehicleTest.of(vehicle, tests.get(vehicle)).has_outcome for vehicle in every)
    is_enough = are_tested and len(failures) * 100 <= share * len(every)
    return [] if is_enough else failures


def hand_on(options: Values, check_mode: bool) -> dict[str, t.Any]:
    """Return how a test ended.

    :returns: ``changed`` (never), every option, and ``took``: seconds since it began.
    """
    began = options["began"]
    return {"changed": False, **options, "took": None if began is None else max(0.0, time.time() - began)}


def campaign_of(given: t.Sequence[Values], waves: Waves) -> Campaign:
    """Return the tests of all vehicles of a run.

    :param given: what each handed on, as ``vehicle``, ``result``, ``reason`` and, in a suite, ``scenario``.
    """
    return Campaign.in_waves(
        [VehicleTest.of(test["vehicle"], test["result"], test["reason"], test.get("scenario") or "") for test in given],
        waves,
        [bool(test["result"] or test["reason"]) for test in given],
    )


def sum_up(
    options: Values, check_mode: bool, show: t.Callable[[list[str]], None] = lambda lines: None
) -> dict[str, t.Any]:
    """Sum up the tests of a run.

    :param show: shows the table to whoever watches.
    :returns: ``changed`` (never), ``lines``, ``failed_vehicles``, ``not_begun_vehicles`` and ``retry_file``.
    :raises TooManyFailed: more vehicles failed than may, or some were not begun.
    :raises WavesUnusable: the waves that were given are none.
    """
    given = options["tests"] or []
    waves = Waves.of(options.get("waves"), len(given), options.get("stop_at_fail_percentage") or 0)
    campaign = campaign_of(given, waves)
    lines = campaign.table()
    again = campaign.again
    retry_file, hint = _keep_for_retry(again, options.get("retry_file"), check_mode)
    if hint and os.environ.get("JOB_ID"):  # a file goes with the container of its job
        hint = [f"To run only those {len(again)} again, give a job of AAP ota_hosts: {','.join(again)}"]
    if options["show"] or len(campaign.tests) > 1:
        show([*lines, *map(cell, hint)])
    result = {
        "lines": lines,
        "failed_vehicles": list(dict.fromkeys(test.vehicle for test in campaign.bad)),
        "not_begun_vehicles": [test.vehicle for test in campaign.not_begun],
        "retry_file": retry_file,
    }
    allowed = options["max_fail_percentage"]
    if not campaign.tests:
        raise TooManyFailed("No vehicle was tested.", **result)
    if (wave := options.get("wave")) and (
        stop := waves.stop_by_itself(wave, [test.is_good for test in campaign.tests])
    ):
        raise TooManyFailed(f"{campaign.totals}: {', '.join(result['failed_vehicles'])}; {stop.reason}", **result)
    # One wave of a workflow: the verdict over all knows what may fail.
    if not wave and not campaign.is_within(allowed):
        limit = campaign.stop.reason if campaign.stop else f"ota_fleet_max_fail_percentage allows {allowed:g} %."
        if not campaign.stop and allowed and any(not test.has_outcome for test in campaign.tests):
            limit += " Each vehicle must have an outcome."
        if campaign.has_scenarios:
            limit = "every test must pass."
        named = ", ".join(test.name for test in campaign.bad)
        raise TooManyFailed(f"{campaign.totals}: {named}; {limit}", **result)
    return {"changed": False, **result}


def _keep_for_retry(vehicles: list[str], path: str | None, check_mode: bool) -> tuple[str, list[str]]:
    """Write a file for ``--limit`` that names these vehicles.

    :returns: its path, empty if there is none, and what is said of it.
    """
    if not path or check_mode:
        return "", []
    file = pathlib.Path(path).absolute()
    if not vehicles:
        with contextlib.suppress(OSError):  # that of an earlier run would let vehicles run again that have passed
            file.unlink()
        return "", []
    try:
        write_atomically(file, "".join(f"{vehicle}\n" for vehicle in vehicles), mode=0o644)
    except OSError as error:
        return "", [f"Those to run again could not be written to {file}: {error.strerror}."]
    return str(file), [f"To run only those {len(vehicles)} again: --limit @{file}"]


class TooManyFailed(Failure):
    """More vehicles failed than may."""

    outcome = "FAIL"
