# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and ending a watcher where the system refuses, and where the watcher does not react."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._watchers import launcher
from ansible_collections.hatci.automation.plugins.module_utils._watchers.launcher import (
    LaunchedWatcher,
    NotWatching,
    end_watcher,
    is_watching,
)
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner, OwnerUnknown

WATCHER = """
import sys; sys.path.insert(0, {root!r})
from ansible_collections.hatci.automation.plugins.module_utils._watchers import event_loop
def main():
    event_loop.serve(lambda order, watch: watch.until_end())
"""


@pytest.fixture
def module(tmp_path: Path) -> types.ModuleType:
    """Return a watcher that waits for ever."""
    root = str(launcher.__file__).rpartition("/ansible_collections/")[0]
    (tmp_path / "ansible_collections").mkdir()
    (tmp_path / "waits.py").write_text(WATCHER.format(root=root))
    waits = types.ModuleType("waits")
    waits.__file__ = f"{tmp_path}/ansible_collections/waits.py"
    return waits


def order_of(tmp_path: Path) -> dict[str, t.Any]:
    return {"owner": None, "log": str(tmp_path / "log")}


@pytest.fixture
def no_descriptors() -> t.Iterator[None]:
    """Let this process open no further file."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_without_descriptors_there_is_one_sentence(
    module: types.ModuleType, tmp_path: Path, no_descriptors: None
) -> None:
    with pytest.raises(NotWatching, match="no process could be started: Too many open files"):
        LaunchedWatcher(module, order_of(tmp_path))


def test_without_a_free_process_there_is_one_sentence(
    module: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> t.NoReturn:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(NotWatching, match="no process could be started: Resource temporarily unavailable"):
        LaunchedWatcher(module, order_of(tmp_path))


def test_a_play_that_cannot_be_seen_is_not_called_ended(no_descriptors: None) -> None:
    with pytest.raises(OwnerUnknown, match="cannot be watched: Too many open files"):
        Owner.of(os.getpid())
    assert Owner(os.getpid(), 1).is_alive()


@pytest.mark.parametrize("by", ["the task that started it", "a later task"])
def test_a_watcher_that_was_stopped_is_ended_by_force(
    module: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(launcher, "DISMISS_SECONDS", 0.1)
    watcher = LaunchedWatcher(module, order_of(tmp_path))
    identity = watcher.identity
    os.kill(identity["pid"], signal.SIGSTOP)
    if by == "a later task":
        monkeypatch.setattr(launcher, "START_SECONDS", 0.1)
        assert not end_watcher(identity, dismiss=True), "it did not react"
    else:
        watcher.dismiss()
    assert not is_watching(identity)
