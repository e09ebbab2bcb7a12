# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a test switches on and off while the controller runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from typing import Any

from hatci_lab.controller.queueing import ORDERS

FAULTS = (
    "unreachable",
    "silent",
    "unavailable",
    "slow_scheduling",
    "exporter_dead",
    "lose_reply",
    "fail",
    "queue_order",
    "slow_release",
)

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "lose_reply": {"methods": ("CreateLease",), "times": 1},
    "queue_order": {"mode": "random"},
}


class UnknownFault(ValueError):
    """The fault, or one of its options, does not exist."""


@dataclass(frozen=True)
class Fault:
    """``methods`` are patterns on ``CreateLease`` or ``ClientService/CreateLease``.

    A fault without ``times`` lasts until it is cleared.
    """

    name: str
    methods: tuple[str, ...] = ("*",)
    times: int | None = None
    code: str = "UNAVAILABLE"
    message: str = "injected by the lab"
    seconds: float = 0.0
    exporter: str = "*"
    mode: str = "hang"

    def concerns(self, method: str) -> bool:
        short = method.rsplit("/", 1)[-1]
        return any(fnmatch(method, pattern) or fnmatch(short, pattern) for pattern in self.methods)


class Faults:
    def __init__(self, on_change: Callable[[], None]) -> None:
        self._active: dict[str, Fault] = {}
        self._on_change = on_change

    def set(self, name: str, **options: Any) -> None:
        if name not in FAULTS:
            raise UnknownFault(f"no fault {name!r}, known are {', '.join(FAULTS)}")
        options = {**_DEFAULTS.get(name, {}), **options}
        if name == "queue_order" and options["mode"] not in ORDERS:
            raise UnknownFault(f"fault {name!r}: no order {options['mode']!r}, known are {', '.join(ORDERS)}")
        if "methods" in options:
            options["methods"] = tuple(options["methods"])
        try:
            self._active[name] = Fault(name, **options)
        except TypeError as error:
            raise UnknownFault(f"fault {name!r}: {error}") from error
        self._on_change()

    def clear(self, name: str | None = None) -> None:
        if name is None:
            self._active.clear()
        else:
            self._active.pop(name, None)
        self._on_change()

    def get(self, name: str) -> Fault | None:
        return self._active.get(name)

    def seconds(self, name: str) -> float:
        fault = self._active.get(name)
        return fault.seconds if fault else 0.0

    def take(self, name: str, method: str) -> Fault | None:
        """The fault if it strikes this call; one of its times is used up."""
        fault = self._active.get(name)
        if fault is None or not fault.concerns(method):
            return None
        if fault.times is not None:
            if fault.times > 1:
                self._active[name] = replace(fault, times=fault.times - 1)
            else:
                del self._active[name]
        return fault

    def as_list(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._active.values()]
