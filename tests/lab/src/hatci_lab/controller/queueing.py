# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order waiting leases are looked at: the real controller looks at each in its own time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping

from hatci_lab.controller.model import Lease

Order = Callable[[Iterable[Lease]], list[Lease]]


def oldest_first(leases: Iterable[Lease]) -> list[Lease]:
    return list(leases)


def newest_first(leases: Iterable[Lease]) -> list[Lease]:
    return list(leases)[::-1]


def at_random(leases: Iterable[Lease]) -> list[Lease]:
    waiting = list(leases)
    random.shuffle(waiting)
    return waiting


ORDERS: Mapping[str, Order] = {"oldest": oldest_first, "newest": newest_first, "random": at_random}
