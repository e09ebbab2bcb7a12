# SPDX-License-Identifier: GPL-3.0-or-later
"""What giving a device back says of a keeper that does not react."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import release
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles

LEASE = "hatci-17-vehicle-001-abcd"


class FakeController:
    """Takes every lease back."""

    class jmp:
        lease = ""

    def delete(self, _name: str) -> bool:
        return True


def to_controller(files: LeaseFiles) -> tuple[bool, list[str]]:
    controller = t.cast("t.Any", FakeController())
    return release.release_to_controller(controller, LEASE, files, {}, timeout=1.0, sleep=lambda _seconds: None)


@pytest.mark.parametrize(
    "give_back", [to_controller, lambda files: release.release_local(LEASE, files, {})], ids=["controller", "local"]
)
@pytest.mark.parametrize("reacts", [True, False])
def test_a_keeper_that_had_to_be_killed_is_told(
    give_back: t.Callable[[LeaseFiles], tuple[bool, list[str]]],
    reacts: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(release, "end_watcher", lambda _keeper, **_how: reacts)
    warnings = give_back(LeaseFiles(LEASE))[1]
    assert len(warnings) == (not reacts)
    assert all(f"The keeper of lease {LEASE} did not react" in text and "was killed" in text for text in warnings)
