# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tests end: what a failed task makes of a test, what a run says of its vehicles, and the verdict over all."""

from __future__ import annotations

import collections
import dataclasses
import textwrap
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure, sentence

PASS = "PASS"  # noqa: S105  # a verdict
ERROR = "ERROR"
CHECKED = "CHECKED"
"""Outcome of a test in check mode: it could begin, and nothing was done."""
OUTCOMES = (PASS, "FAIL", "TIMEOUT", ERROR, "ABORTED", "INVALID", CHECKED)
GOOD = (PASS, CHECKED)

NOT_TESTED = ("", "TIMEOUT", "UNKNOWN")
"""Final states that say nothing about the vehicle."""

WIDTH = 80
INDENT = "    "

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
    """How the test of one vehicle ended.

    :param took: seconds from its begin to its end, None if it did not begin.
    :param held: seconds that its device was held, None without one.
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

    @property
    def is_good(self) -> bool:
        """Whether it ended as it should."""
        return self.outcome in GOOD

    @classmethod
    def of(cls, vehicle: str, handed_on: t.Any, reason: str = "") -> VehicleTest:
        """Read what a test handed on; a test without an outcome is an error.

        :param reason: with which the test ended, where it could hand on nothing.
        """
        found = handed_on if isinstance(handed_on, t.Mapping) else {}
        outcome = str(found.get("outcome") or "")
        text = {name: str(found.get(name) or "") for name in ("vin", "state", "test_event_id", "deployment_id")}
        took, held = (_seconds(found.get(name)) for name in ("took", "held"))
        if outcome not in OUTCOMES or (outcome in GOOD and reason):
            began = "the test began and did not reach its end" if found.get("began") else "the test did not begin"
            return cls(vehicle, ERROR, **text, took=took, held=held, reason=reason or began)
        summary = "" if outcome in GOOD else str(found.get("summary") or reason)
        return cls(vehicle, outcome, **text, took=took, held=held, reason=summary)


def _seconds(value: t.Any) -> float | None:
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None


@dataclasses.dataclass(frozen=True)
class Campaign:
    """The tests of all vehicles of a run."""

    tests: t.Sequence[VehicleTest]

    @property
    def bad(self) -> list[VehicleTest]:
        """The tests that did not end as they should."""
        return [test for test in self.tests if not test.is_good]

    def is_within(self, percentage: float) -> bool:
        """Whether no larger share of the vehicles failed."""
        return len(self.bad) * 100 <= percentage * len(self.tests)

    @property
    def totals(self) -> str:
        """How many vehicles had which outcome."""
        counts = collections.Counter(test.outcome for test in self.tests)
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts[outcome])
        return f"{len(self.bad)} of {len(self.tests)} vehicles failed ({told})"

    def table(self) -> list[str]:
        """Return lines of at most 80 columns: a row a vehicle, failures last with their VIN, ids and reason."""
        longest = max([len("vehicle"), *(len(test.vehicle) for test in self.tests)])
        form = f"{{:<{min(longest, 30)}}}  {{:<8}} {{:<14}} {{:>8}} {{:>8}}"
        lines = [form.format("vehicle", "outcome", "state", "took (s)", "held (s)")]
        for test in [*(test for test in self.tests if test.is_good), *self.bad]:
            row = (test.vehicle[:30], test.outcome, test.state[:14] or "-", _whole(test.took), _whole(test.held))
            lines.append(form.format(*row))
            if not test.is_good:
                ids = (("VIN", test.vin), ("test event", test.test_event_id), ("deployment", test.deployment_id))
                lines += _wrapped(", ".join(f"{name} {value}" for name, value in ids if value))
                lines += _wrapped(sentence(test.reason))
        return [*lines, self.totals]


def _whole(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False)


def verdict_of(handed_on: t.Any, vehicles: t.Any) -> list[str]:
    """Return, for each test of a workflow that is not PASS, what is wrong; empty if all are.

    :param handed_on: ``ota_tests``: what each test handed on, by vehicle.
    :param vehicles: ``ota_vehicles``: those that the job was launched for.
    """
    tests = handed_on if isinstance(handed_on, t.Mapping) else {}
    launched = [str(vehicle) for vehicle in vehicles] if _is_list(vehicles) else []
    if not tests and not launched:
        return ["No test handed on an outcome: its job was cancelled or died. Look at the job before this one."]
    failures = []
    for vehicle in sorted({*launched, *tests}):
        test = VehicleTest.of(vehicle, tests.get(vehicle))
        if test.outcome != PASS:
            failures.append(sentence(f"{test.outcome} {vehicle}: {test.reason}"))
    return failures


def hand_on(options: Values, check_mode: bool) -> dict[str, t.Any]:
    """Return how a test ended.

    :returns: ``changed`` (never), every option, and ``took``: seconds since it began.
    """
    began = options["began"]
    return {"changed": False, **options, "took": None if began is None else max(0.0, time.time() - began)}


def sum_up(
    options: Values, check_mode: bool, show: t.Callable[[list[str]], None] = lambda lines: None
) -> dict[str, t.Any]:
    """Sum up the tests of a run.

    :param show: shows the table to whoever watches.
    :returns: ``changed`` (never), ``lines`` and ``failed_vehicles``.
    :raises TooManyFailed: more vehicles failed than may.
    """
    campaign = Campaign(
        [VehicleTest.of(test["vehicle"], test["result"], test["reason"]) for test in options["tests"] or []]
    )
    lines = campaign.table()
    if options["show"] or len(campaign.tests) > 1:
        show(lines)
    result = {"lines": lines, "failed_vehicles": [test.vehicle for test in campaign.bad]}
    allowed = options["max_fail_percentage"]
    if not campaign.tests:
        raise TooManyFailed("No vehicle was tested.", **result)
    if not campaign.is_within(allowed):
        raise TooManyFailed(
            f"{campaign.totals}: {', '.join(result['failed_vehicles'])}; "
            f"ota_fleet_max_fail_percentage allows {allowed:g} %.",
            **result,
        )
    return {"changed": False, **result}


class TooManyFailed(Failure):
    """More vehicles failed than may."""

    outcome = "FAIL"
