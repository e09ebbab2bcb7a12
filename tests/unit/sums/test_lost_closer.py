# SPDX-License-Identifier: GPL-3.0-or-later
"""A play whose closer was killed or stopped says so once, and waits for a stopped one once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._sums import closer_channel
from ansible_collections.hatci.automation.plugins.module_utils._sums.closer_channel import note_for_closer
from ansible_collections.hatci.automation.plugins.module_utils._watchers import control_socket
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

KNOWN = {"failure": {"outcome": "FAIL", "message": "It is dark."}}


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Owner:
    """Return a play that has had a closer: this process."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    owner = Owner.of(os.getpid())
    closer_channel.closer_log(owner).touch()
    return owner


def test_a_play_without_a_closer_misses_none(play: Owner) -> None:
    closer_channel.closer_log(play).unlink()
    assert note_for_closer(play, "vehicle_001", KNOWN) == ""


def test_a_closer_that_was_killed_is_missed_once(play: Owner) -> None:
    warning = note_for_closer(play, "vehicle_001", KNOWN)
    assert "The closer of this play has ended" in warning and str(closer_channel.closer_log(play)) in warning
    assert note_for_closer(play, "vehicle_002", KNOWN) == ""


def test_a_closer_that_was_stopped_is_waited_for_once(play: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_socket, "SEND_SECONDS", 0.05)
    with control_socket.open_control_socket(closer_channel.closer_socket_name(play)):
        assert "does not react (timed out)" in note_for_closer(play, "vehicle_001", KNOWN)
        sent: list[object] = []
        monkeypatch.setattr(closer_channel, "send_to_closer", lambda *message: sent.append(message))
        assert note_for_closer(play, "vehicle_002", KNOWN) == ""
        closer_channel.note_evidence(play, "vehicle_002", "/evidence")
        assert not sent
