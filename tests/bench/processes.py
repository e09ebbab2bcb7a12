# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at processes from outside, by way of /proc."""

from __future__ import annotations

import os
import re
import threading
import typing as t
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process itself has taken so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def children(pid: int) -> list[int]:
    """Return the children of a process; none if it is gone."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except OSError:
        pass
    return found


def descendants(pid: int) -> list[int]:
    """Return all that descends from a process."""
    found = children(pid)
    return found + [deeper for child in found for deeper in descendants(child)]


def pss_bytes(pid: int) -> int:
    """Return a process's proportional share of memory; 0 if it is gone."""
    try:
        found = PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


class Sample(t.NamedTuple):
    """Memory at the moment when most workers ran.

    ``tree`` is all of ansible-playbook, its workers and what they left running; ``worker`` one worker.
    """

    workers: int = 0
    tree: int = 0
    worker: float = 0.0


class Sampler:
    """Looks at a running :mod:`tree` from time to time; looking at many processes takes a while."""

    def __init__(self, pid: int, interval: float) -> None:
        self.most = Sample()
        self._pid = pid
        self._interval = interval
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(self._interval):
            playbook = children(self._pid)[:1]
            workers = [pid for parent in playbook for pid in children(parent)]
            if workers and len(workers) >= self.most.workers:
                sizes = {pid: pss_bytes(pid) for pid in descendants(self._pid)}
                total = sum(sizes.get(pid, 0) for pid in workers)
                self.most = Sample(len(workers), sum(sizes.values()), total / len(workers))
