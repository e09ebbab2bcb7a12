# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the event source: 1000 deployments for an hour of fake time, beside as many waiting forks.

.venvs/core-2.19/bin/python tests/bench/event_source.py
"""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from event_source_simulation import HOUR, Campaign, Recorder, in_fake_time, spelling, watch

INTERVAL = 30.0
MB = 1024 * 1024
FORK_MB = 27.6
"""Memory of a waiting vehicle among 200, from the tables of docs/PERFORMANCE.md."""
FORK_POLL = 0.001
"""CPU seconds of one poll of such a vehicle, from the same place."""


class Watched(Recorder):
    """Notes of each event only what the figures need, so that its own memory is not what grows."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self.told: set[str] = set()
        self.twice = 0

    async def put(self, event: dict[str, t.Any]) -> None:
        await super().put(event)
        self.late += self.delays(campaign)
        ((_moment, event),) = self.events
        self.events.clear()
        key = f"{event['deployment']['deployment_id']} {spelling(event)}"
        self.twice += key in self.told
        self.told.add(key)


campaign = Campaign(1000)


def main() -> None:
    """Print the figures."""
    queue = Watched()
    slices = in_fake_time(watch(campaign, queue, HOUR + INTERVAL, 6, stall_after=0, poll_interval=INTERVAL))
    late = sorted(queue.late)
    looks, cpu = sum(one.looks for one in slices), sum(one.cpu for one in slices)
    figures = {
        "deployments": campaign.count,
        "looks": looks,
        "events": len(late),
        "events told twice": queue.twice,
        "requests at once, at most": campaign.most_under_way,
        "delay p50 (s)": round(late[len(late) // 2], 1),
        "delay p99 (s)": round(late[int(0.99 * len(late))], 1),
        "delay max (s)": round(late[-1], 1),
        "CPU of one look in each sixth (ms)": [round(1000 * one.cpu / max(1, one.looks), 3) for one in slices],
        "CPU of the hour (s)": round(cpu, 1),
        "CPU (% of a core)": round(100 * cpu / HOUR, 2),
        "memory after each sixth (MB)": [round(one.peak / MB, 1) for one in slices],
        "1000 waiting forks, memory (MB)": round(campaign.count * FORK_MB),
        "1000 waiting forks, CPU of an hour of polls (s)": round(campaign.count * HOUR / INTERVAL * FORK_POLL, 1),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
