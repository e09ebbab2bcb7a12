# SPDX-License-Identifier: GPL-3.0-or-later
"""Many deployments under the event source for hours that pass in seconds."""

from __future__ import annotations

import asyncio
import bisect
import dataclasses
import random
import resource
import runpy
import selectors
import time
import typing as t
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "extensions/eda/plugins/event_source/sums_deployments.py"
EPOCH = 1_700_000_000.0
HOUR = 3600.0
STATES = ("PENDING", "SCHEDULED", "DOWNLOADING", "INSTALLING", "COMPLETED")


def load() -> dict[str, t.Any]:
    """Return the event source, loaded as ansible-rulebook does."""
    return runpy.run_path(str(SOURCE))


class _Selector(selectors.DefaultSelector):
    """Lets the time pass at once whenever everybody waits for it."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        found = super().select(0)
        if not found:
            self.passed += max(0.0, timeout)
        return found


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in which a pause takes no time; each second's pause still adds a second to its clock."""

    def __init__(self) -> None:
        self._fake = _Selector()
        super().__init__(self._fake)

    def time(self) -> float:
        return self._fake.passed


def now() -> float:
    """Return the time of day in the loop that runs."""
    return EPOCH + asyncio.get_running_loop().time()


def in_fake_time(work: t.Coroutine[t.Any, t.Any, t.Any]) -> t.Any:
    """Run to the end."""
    with asyncio.Runner(loop_factory=FakeTimeLoop) as runner:
        return runner.run(work)


@dataclasses.dataclass
class Campaign:
    """Deployments that change their state at known times.

    :param length: seconds in which all of them end.
    :param latency: seconds of the slowest answer.
    :param outages: when SUMS gives no answers, from and to, in seconds.
    """

    count: int = 1000
    length: float = HOUR
    latency: float = 0.2
    outages: t.Sequence[tuple[float, float]] = ()
    seed: int = 1
    looks: int = 0
    under_way: int = 0
    most_under_way: int = 0

    def __post_init__(self) -> None:
        chance = random.Random(self.seed)
        self._chance = chance
        self.times = {
            f"dep-{number:06}": [0.0, *sorted(chance.uniform(60, self.length * 0.9) for _state in STATES[1:])]
            for number in range(self.count)
        }

    def state_at(self, deployment_id: str, moment: float) -> str:
        """Return the state at a moment."""
        return STATES[bisect.bisect_right(self.times[deployment_id], moment) - 1]

    def is_out(self, moment: float) -> bool:
        """Whether SUMS gives no answer."""
        return any(begin <= moment < end for begin, end in self.outages)

    def fetch(self, trouble: type[Exception]) -> t.Callable[[str], t.Awaitable[dict[str, t.Any]]]:
        """Return how SUMS is asked.

        :param trouble: raised in an outage.
        """

        async def fetch(deployment_id: str) -> dict[str, t.Any]:
            self.looks += 1
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            try:
                await asyncio.sleep(self._chance.uniform(0.02, self.latency))
            finally:
                self.under_way -= 1
            moment = now() - EPOCH
            if self.is_out(moment):
                raise trouble("SUMS answered 502")
            state = self.state_at(deployment_id, moment)
            return {"deployment_id": deployment_id, "state": state, "vin": f"VIN{deployment_id}"}

        return fetch

    def expected(self) -> set[tuple[str, str]]:
        """Return each state of each deployment that lasted long enough to be seen."""
        return {(one, STATES[place]) for one, times in self.times.items() for place in range(len(times))}


class Recorder:
    """A queue that notes when each event came."""

    def __init__(self) -> None:
        self.events: list[tuple[float, dict[str, t.Any]]] = []

    async def put(self, event: dict[str, t.Any]) -> None:
        """Take an event."""
        self.events.append((now() - EPOCH, event))

    def delays(self, campaign: Campaign) -> list[float]:
        """Return how long after its change each event came, shortest first."""
        return sorted(
            moment - campaign.times[event["deployment"]["deployment_id"]][STATES.index(spelling(event))]
            for moment, event in self.events
        )


def spelling(event: dict[str, t.Any]) -> str:
    """Return the state of an event as the simulated SUMS writes it."""
    state = str(event["deployment"]["state"])
    return "COMPLETED" if state == "COMPLETE" else state


def options(source: dict[str, t.Any], campaign: Campaign, **given: t.Any) -> dict[str, t.Any]:
    """Return the options of a watcher of this campaign."""
    made = {"base_url": "https://sums.example.com", "token": "t", "deployments": list(campaign.times), **given}
    return t.cast("dict[str, t.Any]", source["options_of"](made))


@dataclasses.dataclass
class Slice:
    """What a part of the time took.

    :param cpu: seconds of CPU.
    :param peak: most memory so far, in bytes.
    """

    looks: int
    cpu: float
    peak: int


async def watch(campaign: Campaign, recorder: t.Any, seconds: float, slices: int = 1, **given: t.Any) -> list[Slice]:
    """Watch a campaign for so many seconds of fake time, and say what each part of them took."""
    source = load()
    watcher = source["Watcher"](recorder, options(source, campaign, **given), campaign.fetch(source["Trouble"]), now)
    running = asyncio.create_task(watcher.run())
    found = []
    for _slice in range(slices):
        looks, cpu = campaign.looks, time.process_time()
        done, _pending = await asyncio.wait([running], timeout=seconds / slices)
        if done:
            running.result()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        found.append(Slice(campaign.looks - looks, time.process_time() - cpu, peak))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return found
