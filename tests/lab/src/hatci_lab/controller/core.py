# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the lease state machine: saves each change, wakes for the next deadline, tells who waits."""

from __future__ import annotations

import asyncio
import time

from hatci_lab.controller.changes import Changes
from hatci_lab.controller.leases import LeaseBook
from hatci_lab.controller.state import StateFile


class Core:
    def __init__(self, book: LeaseBook, state: StateFile) -> None:
        self.book = book
        self.changes = Changes()
        self._state = state
        self._dirty = asyncio.Event()
        self.has_run_before = state.load(book)

    def changed(self) -> None:
        """Keep what a call has just done; scheduling follows after its reply, as in the real one."""
        self._state.save(self.book)
        self._dirty.set()

    async def run(self) -> None:
        while True:
            self._dirty.clear()
            deadline = self.book.reconcile()
            self._state.save(self.book)
            self.changes.bump()
            timeout = None if deadline is None else max(0.0, deadline - time.time())
            try:
                await asyncio.wait_for(self._dirty.wait(), timeout)
            except TimeoutError:
                continue
