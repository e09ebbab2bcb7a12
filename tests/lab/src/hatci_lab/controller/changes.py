# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets coroutines wait for the next change of state instead of polling for it."""

from __future__ import annotations

import asyncio


class Changes:
    def __init__(self) -> None:
        self.version = 0
        self._next = asyncio.Event()

    def bump(self) -> None:
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def after(self, version: int) -> int:
        while self.version <= version:
            await self._next.wait()
        return self.version
