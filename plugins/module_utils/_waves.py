# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The waves of a fleet: how many vehicles begin together, and when the next ones may not begin."""

from __future__ import annotations

import dataclasses
import itertools
import math
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure


class WavesUnusable(Failure):
    """The waves that were given are none."""


@dataclasses.dataclass(frozen=True)
class Stop:
    """Why no further wave begins.

    :param wave: number of the wave in which too many failed, from 1.
    :param end: position of the first vehicle after it.
    """

    wave: int
    failed: int
    size: int
    end: int
    threshold: float

    @property
    def reason(self) -> str:
        """The sentence for people."""
        return (
            f"{self.failed} of {self.size} vehicles of wave {self.wave} failed, and "
            f"ota_fleet_stop_at_fail_percentage is {self.threshold:g}, so no further wave began."
        )


@dataclasses.dataclass(frozen=True)
class Waves:
    """A fleet in waves.

    :param sizes: vehicles of each wave, in order.
    :param threshold: share of failed vehicles of a wave, in percent, at which no further one begins; the first failure
        does that where it is 0.
    """

    sizes: t.Sequence[int]
    threshold: float = 0.0

    @classmethod
    def of(cls, given: t.Any, vehicles: int, threshold: t.Any = 0) -> Waves:
        """Read ``ota_fleet_waves``: up to so many vehicles in all, each counted from the first.

        :param given: numbers or shares, as a list or as text with commas.
        :raises WavesUnusable: they do not grow, or leave vehicles out, or the threshold is no percentage.
        """
        ends = [_end_of(one, vehicles) for one in _listed(given)]
        steps = list(itertools.pairwise([0, *ends]))
        if any(end < begin for begin, end in steps):
            raise WavesUnusable(
                f"ota_fleet_waves is {_shown(given)}; each wave counts from the first vehicle, so give growing ones."
            )
        if ends and ends[-1] < vehicles:
            raise WavesUnusable(
                f"ota_fleet_waves is {_shown(given)}, which ends with {ends[-1]} of {vehicles} vehicles; "
                "end it with 100%."
            )
        sizes = [end - begin for begin, end in steps if end > begin]
        return cls(sizes, _percentage(threshold))

    def batches(self, batch: int) -> list[int]:
        """Return how many vehicles begin together, one batch after the other, none of them over the end of a wave."""
        return [min(batch, size - begun) for size in self.sizes for begun in range(0, size, batch)]

    def wave_of(self, position: int) -> int:
        """Return the number of the wave, from 1, in which the vehicle at a position is, from 0."""
        end = 0
        for number, size in enumerate(self.sizes, 1):
            end += size
            if position < end:
                return number
        return len(self.sizes) + 1

    def bounds(self, wave: int) -> tuple[int, int]:
        """Return the position of the first vehicle of a wave, and of the first one after it."""
        begin = sum(self.sizes[: wave - 1])
        return begin, begin + self.sizes[wave - 1]

    def stop(self, good: t.Sequence[bool]) -> Stop | None:
        """Return why no further wave begins; None if there is no reason, or nothing that could begin.

        :param good: of each vehicle in order, whether its test ended as it should.
        """
        for wave in range(1, len(self.sizes)):
            if stop := self.stop_after(wave, good[slice(*self.bounds(wave))]):
                return stop
        return None

    def stop_after(self, wave: int, good: t.Sequence[bool]) -> Stop | None:
        """Return why none begins after this wave, by what became of its vehicles."""
        failed, size = sum(not one for one in good), len(good)
        if not failed or failed * 100 < self.threshold * size:
            return None
        return Stop(wave, failed, size, self.bounds(wave)[1], self.threshold)

    def stop_by_itself(self, wave: int, good: t.Sequence[bool]) -> Stop | None:
        """Return why none begins after a wave that ran alone, of which these are all vehicles."""
        stop = dataclasses.replace(self, sizes=[len(good)]).stop_after(1, good)
        return dataclasses.replace(stop, wave=wave) if stop else None


def how_many(given: t.Any, vehicles: int) -> int | None:
    """Return how many of so many vehicles a number or share such as 20% means, at least one; None if it is neither."""
    text = str(given).strip()
    try:
        share = float(text[:-1]) if text.endswith("%") else 0.0
        size = share * vehicles / 100 if text.endswith("%") else float(int(text))
    except (OverflowError, ValueError):
        return None
    if share > 100:
        return None
    return min(vehicles, max(1, math.ceil(size))) if 0 < size < math.inf or (vehicles == 0 and size == 0) else None


def _listed(given: t.Any) -> list[t.Any]:
    if given in (None, ""):
        return []
    if isinstance(given, str):
        return given.strip().strip("[]").replace(",", " ").replace("'", " ").replace('"', " ").split()
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _end_of(given: t.Any, vehicles: int) -> int:
    end = None if isinstance(given, (bool, float)) else how_many(given, vehicles)
    if end is None:
        raise WavesUnusable(
            f"ota_fleet_waves has {str(given)[:40]!r}; give numbers of vehicles or shares, such as [1, 10%, 100%]."
        )
    return end


def _percentage(given: t.Any) -> float:
    try:
        value = float(given)
    except (TypeError, ValueError):
        value = -1.0
    if not 0 <= value <= 100:
        raise WavesUnusable(
            f"ota_fleet_stop_at_fail_percentage is {str(given)[:40]!r}; give a percentage as a number from 0 to 100."
        )
    return value


def _shown(given: t.Any) -> str:
    return str(given)[:80]
