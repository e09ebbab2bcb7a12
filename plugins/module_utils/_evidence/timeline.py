# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline of a test: where its bars are, in percent of its time, for an SVG that fits every width."""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._evidence.clock import seconds_between
from ansible_collections.hatci.automation.plugins.module_utils._evidence.page import duration
from ansible_collections.hatci.automation.plugins.module_utils._evidence.record import Record

ROW = 26
LABEL = 12
LEAST_WIDTH = 0.2
"""What takes no time must be seen too."""
MAX_STEPS = 60
TICKS = (0, 25, 50, 75, 100)


@dataclasses.dataclass(frozen=True)
class Bar:
    """A bar with its label above it.

    :param left: where it begins, in percent; so is ``width``.
    :param top: pixels from the top.
    """

    left: float
    width: float
    top: int
    kind: str
    label: str
    title: str

    @property
    def is_right(self) -> bool:
        """Whether the label ends with the bar instead of beginning with it, since there is no room to its right."""
        return self.left > 50

    @property
    def anchor(self) -> float:
        """Where the label begins or ends."""
        return self.left + self.width if self.is_right else self.left


@dataclasses.dataclass(frozen=True)
class Timeline:
    """All bars of a test.

    :param left_out: how many steps are not shown, the shortest ones.
    """

    bars: list[Bar]
    ticks: list[tuple[int, str]]
    height: int
    left_out: int


def make_timeline(record: Record) -> Timeline | None:
    """Return the timeline of a record; None if it took no time."""
    total = record["seconds"]
    if not total or total <= 0:
        return None
    bars: list[Bar] = []
    top = 0

    def add(began: t.Any, ended: t.Any, kind: str, label: str) -> None:
        start = seconds_between(record["began"], began)
        end = seconds_between(record["began"], ended or record["ended"])
        if start is None or end is None:
            return
        left = min(100.0, max(0.0, start * 100 / total))
        left = min(left, 100.0 - LEAST_WIDTH)
        width = min(100.0 - left, max(LEAST_WIDTH, (end - start) * 100 / total))
        took = duration(max(0.0, end - start))
        bars.append(Bar(round(left, 2), round(width, 2), top, kind, label, f"{label}, {took}"))

    if record["lease"]:
        lease = record["lease"]
        add(lease["acquired"], lease["released"], "lease", f"Device held: {lease['exporter'] or lease['name']}")
        top += ROW
    for disturbance in record["disturbances"]:
        add(disturbance["began"], disturbance["ended"], "disturbed", f"Disturbance: {disturbance['name']}")
        top += ROW
    for state, following in _pairs(record["deployment"]["states"] if record["deployment"] else []):
        succeeded = None if following else record["deployment"]["succeeded"]
        add(
            state["time"],
            following or _end_of_deployment(record),
            f"state {_state_kind(state, succeeded)}",
            f"SUMS: {state['state']}",
        )
        top += ROW
    shown = _longest(record["steps"])
    for step in shown:
        add(step["began"], step["ended"], step["outcome"], step["step"] or step["module"])
        top += ROW
    ticks = [(tick, duration(total * tick / 100)) for tick in TICKS]
    return Timeline(bars, ticks, top, len(record["steps"]) - len(shown))


def _pairs(states: list[Record]) -> t.Iterator[tuple[Record, t.Any]]:
    """Yield each state with the time of the next one."""
    for n, state in enumerate(states):
        yield state, states[n + 1]["time"] if n + 1 < len(states) else None


def _end_of_deployment(record: Record) -> t.Any:
    """Return when the last state was seen, since nobody looked after that."""
    return record["deployment"]["states"][-1]["time"] if record["deployment"]["succeeded"] is not None else None


def _state_kind(state: Record, succeeded: bool | None) -> str:
    """Return the class of a state's colour; the last one is as the deployment ended, whatever SUMS calls it."""
    if succeeded is not None:
        return "ok" if succeeded else "failed"
    name = state["state"]
    return "ok" if name == "COMPLETE" else "failed" if name in ("FAILED", "ERROR", "CANCELLED") else "busy"


def _longest(steps: list[Record]) -> list[Record]:
    """Return the longest steps, and all that failed or did not end, in their order."""
    if len(steps) <= MAX_STEPS:
        return steps
    weights = [math.inf if step["outcome"] in ("failed", "unfinished") else step["seconds"] or 0 for step in steps]
    least = sorted(weights, reverse=True)[MAX_STEPS - 1]
    return [step for step, weight in zip(steps, weights, strict=True) if weight >= least][:MAX_STEPS]
