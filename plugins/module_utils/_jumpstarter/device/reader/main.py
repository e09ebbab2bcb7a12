# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads ECUs with the Python of ``jmp``, side by side where they have drivers of their own."""

from __future__ import annotations

import collections
import json
import os
import sys
import threading
import time
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.drivers import (
    open_link,
    read_voltage,
)
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.device.reader.link import (
    MAX_WORDS,
    LibraryMissing,
    NeverRead,
    NotRead,
)

Values = dict[str, t.Any]

TELL_SECONDS = 1.0
"""What is waited for at the deadline ends then, and has this time to say so."""
VOLTAGE_SECONDS = 5.0
EXPORTER_SECONDS = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 1.0
BUSY = frozenset({0x21, 0x22, 0x7E, 0x7F, 0x92, 0x93})
"""Refusals that an ECU gives while it is not ready yet: busyRepeatRequest, conditionsNotCorrect, what a boot loader
does not support in its session, voltageTooHigh, voltageTooLow."""
LEAST_SECONDS = 15.0
"""Each ECU may take so long, even if others are to be read after it by the same driver."""


class Reader:
    """Reads what a request asks for.

    :param root: client of the exporter.
    :param request: ``ecus``, ``read_codes``, ``clear_codes``, and by the monotonic clock ``settle_until``, after which
        an ECU that does not answer is given up, and ``deadline``.
    """

    def __init__(self, root: t.Any, request: Values) -> None:
        self._root = root
        self._request = request
        self._answers: dict[str, Values] = {}
        self._voltage: float | None = None
        self._missing: str | None = None
        self._threads: list[threading.Thread] = []

    def read(self) -> Values:
        """Return what was read until the deadline, of each ECU what :func:`account_of` takes."""
        of_driver = collections.defaultdict(list)
        for ecu in self._request["ecus"]:
            of_driver[ecu["driver"]].append(ecu)
        workers = [self._start(self._read_driver, ecus) for ecus in of_driver.values()]
        power = self._start(self._read_voltage)
        end = self._request["deadline"] + TELL_SECONDS
        for worker in workers:
            worker.join(max(end - time.monotonic(), 0.0))
        power.join(max(min(VOLTAGE_SECONDS, end - time.monotonic()), 0.0))
        results: Values = {"answers": dict(self._answers), "voltage": self._voltage}
        if self._missing:
            return {
                "problem": f"the Python of jmp, {sys.executable}, lacks {self._missing}; install it there",
                **results,
            }
        if any("trouble" in answer for answer in results["answers"].values()) and not self._exporter_answers():
            return {"problem": "the exporter does not answer any more", **results}
        return results

    @property
    def is_stuck(self) -> bool:
        """Whether a driver holds something up that nobody waits for any more."""
        return any(thread.is_alive() for thread in self._threads)

    def _start(self, work: t.Callable[..., None], *arguments: t.Any) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _read_driver(self, ecus: list[Values]) -> None:
        """Read ECUs one after the other, since an ECU or a gateway takes one connection of a tester only."""
        pause, left = FIRST_PAUSE, ecus
        while True:
            for place, ecu in enumerate(left):
                answer = self._read_ecu(ecu, self._share(len(left) - place))
                self._answers[ecu["name"]] = _with_cleared(answer, self._answers.get(ecu["name"]) or {})
            left = [ecu for ecu in left if _may_change(self._answers[ecu["name"]])]
            if not left or time.monotonic() + pause > self._request["settle_until"]:
                return
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _share(self, waiting: int) -> float:
        """Return until when one of so many ECUs may take, so that the others get their turn."""
        now, deadline = time.monotonic(), float(self._request["deadline"])
        return min(deadline, now + max((deadline - now) / waiting, LEAST_SECONDS))

    def _read_ecu(self, ecu: Values, deadline: float) -> Values:
        asked = "connecting"
        answer: Values = {"identity": {}}
        try:
            with open_link(self._root, ecu["driver"], ecu["logical_address"], deadline) as link:
                for field, did in ecu["dids"].items():
                    asked = f"reading DID {did:04X}"
                    answer["identity"][field] = link.read(did)
                if self._request["read_codes"]:
                    asked = "reading its trouble codes"
                    answer["codes"] = link.read_codes()
                if self._request["clear_codes"]:
                    asked = "clearing its trouble codes"
                    answer["cleared"] = link.clear_codes()
        except NeverRead as problem:
            return {"trouble": problem.words, "final": True}
        except NotRead as problem:
            return {"trouble": f"{asked}: {problem.words}"}
        except LibraryMissing as missing:
            self._missing = missing.package
            return {"trouble": f"{missing.package} is not installed", "final": True}
        except Exception as error:  # whatever a driver of a lab's own may raise is the trouble of this ECU alone
            return {"trouble": f"{asked}: {_words_of(error)}"}
        return answer

    def _read_voltage(self) -> None:
        self._voltage = read_voltage(self._root)

    def _exporter_answers(self) -> bool:
        from google.protobuf import empty_pb2
        from grpc.aio import AioRpcError

        async def ask() -> None:
            await self._root.stub.GetReport(empty_pb2.Empty(), timeout=EXPORTER_SECONDS)

        try:
            self._root.portal.call(ask)
        except AioRpcError:
            return False
        return True


def _words_of(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__} {' '.join(str(error).split())}"[:MAX_WORDS]


def _with_cleared(answer: Values, before: Values) -> Values:
    """Return what was read of an ECU with the codes that an earlier try of the same call had read and then cleared."""
    was_cleared = "hex" in (before.get("cleared") or {})
    return {**answer, "codes": before["codes"]} if was_cleared and "trouble" not in answer else answer


def _may_change(answer: Values) -> bool:
    """Return whether another try may say more."""
    if "trouble" in answer:
        return not answer.get("final")
    readings = [*answer["identity"].values(), answer.get("codes") or {}, answer.get("cleared") or {}]
    return any(reading.get("refusal", [None])[0] in BUSY for reading in readings)


def read(directory: str, request: Values, end: t.Callable[[], None]) -> None:
    """Read what a request asks for, by the environment of ``jmp shell``, and leave ``results.json`` in a directory.

    :param end: ends this process, called when a driver holds up what nobody waits for any more.
    """
    from jumpstarter.utils.env import env

    with env() as root:
        reader = Reader(root, request)
        results = reader.read()
        partial = os.path.join(directory, "results.part")
        with open(partial, "w", encoding="utf-8") as file:
            json.dump(results, file)
        os.replace(partial, os.path.join(directory, "results.json"))
        if reader.is_stuck:
            end()
