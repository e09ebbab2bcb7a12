# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends that answer by script, and retries that need no waiting."""

from __future__ import annotations

import time
import types
from collections.abc import Iterator

import pytest
from scripted_backend import Backend

RETRY = "ansible_collections.hatci.automation.plugins.module_utils._sums.retry"
"""By name, since a conftest may be read before Ansible's loader is set up."""


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Return a backend that answers by script."""
    started = Backend()
    yield started
    started.close()


@pytest.fixture
def another_backend() -> Iterator[Backend]:
    """Return a second backend: another server, which must never see the token."""
    started = Backend()
    yield started
    started.close()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries come at once, so that tests need not wait for them."""
    monkeypatch.setattr(f"{RETRY}.FIRST_PAUSE", 0.01)
    monkeypatch.setattr(f"{RETRY}.LONGEST_PAUSE", 0.02)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that retries make, in fake time that passes at once."""
    made: list[float] = []
    now = [time.monotonic()]

    def sleep(seconds: float) -> None:
        made.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(f"{RETRY}.time", types.SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(f"{RETRY}.rest", sleep)
    return made
