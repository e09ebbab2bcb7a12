# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as tables for people, on the terminal and in docs/PERFORMANCE.md."""

from __future__ import annotations

import dataclasses
import os
import platform
import typing as t
from importlib.metadata import version
from pathlib import Path

from figures import Size, TaskCost
from runs import Run
from snapshot_times import Cost
from vehicle_costs import VehicleCost

MB = 1e6


@dataclasses.dataclass(frozen=True)
class Figures:
    """All that was measured."""

    size: Size
    task: TaskCost
    fleets: dict[str, dict[int, Run]]
    poll: float
    held: list[float]
    jmp: dict[str, int]
    snapshots: dict[int, tuple[Cost, Cost]]
    vehicles: dict[int, VehicleCost]


def tables(figures: Figures) -> str:
    """Return everything, as Markdown that is readable as it is."""
    return "\n\n".join(
        (_machine(), _goals(figures), _tasks(figures), _fleets(figures), _vehicle(figures), _sums(figures))
    )


def write_into(path: Path, text: str, command: str) -> None:
    """Replace what stands between a command's markers in a page."""
    begin, end = (f"<!-- figures of {command}: {which} -->" for which in ("begin", "end"))
    before, _begin, rest = path.read_text(encoding="utf-8").partition(begin)
    _old, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{path} has no lines {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def _machine() -> str:
    return (
        f"ansible-core {version('ansible-core')}, Python {platform.python_version()}, {len(os.sched_getaffinity(0))} "
        f"cores, load average {os.getloadavg()[2]:.1f} over the last 15 minutes."
    )


def _goals(figures: Figures) -> str:
    ours, uri, task = figures.fleets["roles"], figures.fleets["uri"], figures.task
    large = max(ours)
    small = min(set(ours) - {large}, key=lambda n: abs(n - 25))
    both = max(set(ours) & set(uri))
    run = ours[both]
    rows = [
        ("CPU of one API task : the same by `uri`", "≤ 0.15", task.in_process / task.uri, "{:.2f}"),
        (
            f"CPU per vehicle, {both} vehicles, SUMS part : the same by `uri`",
            "≤ 0.20",
            run.cpu / uri[both].cpu,
            "{:.2f}",
        ),
        (
            f"wall, {both} vehicles : the update of {figures.size.update:g} s",
            "≤ 1.8",
            run.wall / figures.size.update,
            "{:.2f}",
        ),
        (
            f"CPU per vehicle at {large} : at {small}",
            "≤ 1.2",
            ours[large].cpu_per_vehicle / ours[small].cpu_per_vehicle,
            "{:.2f}",
        ),
        (
            "memory per waiting vehicle (PSS of the whole tree)",
            "≤ 20 MB",
            run.memory.tree / run.memory.workers / MB,
            "{:.1f} MB",
        ),
        ("CPU of one poll while waiting", "≤ 5 ms", figures.poll * 1000, "{:.1f} ms"),
        ("starts of `jmp` to acquire, run one command, release; controller", "≤ 4", figures.jmp["controller"], "{}"),
        ("the same with a local exporter", "≤ 4", figures.jmp["local"], "{}"),
        (f"device held beyond its update, worst of {len(figures.held)}", "", max(figures.held), "{:.1f} s"),
    ]
    return _table(("figure", "goal", "reached"), [(name, goal, form.format(value)) for name, goal, value, form in rows])


def _tasks(figures: Figures) -> str:
    names = {
        "none": "`debug`, which makes no call",
        "in_process": "a module of this collection, inside ansible-playbook",
        "module": "the same module in a process of its own",
        "uri": "`ansible.builtin.uri`",
    }
    costs = dataclasses.asdict(figures.task)
    return _table(("one task", "CPU (ms)"), [(words, f"{costs[name] * 1000:.0f}") for name, words in names.items()])


def _fleets(figures: Figures) -> str:
    head = (
        "vehicles",
        "calls by",
        "wall (s)",
        "wall : update",
        "CPU per vehicle (s)",
        "MB per vehicle",
        "SUMS, of a core",
    )
    rows = [
        (
            str(vehicles),
            calls,
            f"{run.wall:.1f}",
            f"{run.wall / figures.size.update:.2f}",
            f"{run.cpu_per_vehicle:.2f}",
            f"{run.memory.tree / max(1, run.memory.workers) / MB:.1f}",
            f"{run.sums_share:.0%}",
        )
        for calls, runs in figures.fleets.items()
        for vehicles, run in runs.items()
    ]
    return _table(head, sorted(rows, key=lambda row: (int(row[0]), list(figures.fleets).index(row[1]))))


def _vehicle(figures: Figures) -> str:
    without = figures.vehicles[0]
    rows = [
        (
            f"{count or 'none'}",
            f"{figures.snapshots[count][1].seconds:.2f}" if count else "",
            f"{figures.snapshots[count][0].seconds + 0.3 * count:.2f}" if count else "",
            f"{cost.cpu:.2f}",
            f"{cost.cpu - without.cpu:+.2f}" if count else "",
            f"{cost.wall:.1f}",
        )
        for count, cost in figures.vehicles.items()
    ]
    head = (
        "ECUs read by UDS",
        "snapshot (s)",
        "its goal: ≤ (s)",
        "CPU per vehicle (s)",
        "more than without",
        "wall (s)",
    )
    return _table(head, rows)


def _sums(figures: Figures) -> str:
    runs = [run for by_size in figures.fleets.values() for run in by_size.values()]
    most = max(run.sums_share for run in runs)
    return f"The simulated SUMS took at most {most:.0%} of one core, so it is not what these figures measure."


def _table(head: t.Sequence[str], rows: t.Sequence[t.Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
