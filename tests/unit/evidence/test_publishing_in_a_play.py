# SPDX-License-Identifier: GPL-3.0-or-later
"""What the closer is told of evidence that is bundled to be published."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.action import hatci_evidence


@pytest.mark.parametrize(
    ("store", "path", "told"),
    [
        ("fs:///srv/lab", "/evidence/test-te-1", "/evidence/test-te-1"),
        ("fs:///srv/lab", "", "/evidence/test"),
        ("", "/evidence/test-te-1", ""),
    ],
)
def test_evidence_is_the_closers_until_its_test_is_reported_also_where_it_could_not_be_written(
    monkeypatch: pytest.MonkeyPatch, store: str, path: str, told: str
) -> None:
    heard: list[tuple[str, str]] = []
    monkeypatch.setattr(hatci_evidence, "playbook_process", lambda: None)
    monkeypatch.setattr(
        hatci_evidence, "note_evidence", lambda _owner, host, directory: heard.append((host, directory))
    )
    monkeypatch.setattr(hatci_evidence.ActionModule, "host", "vehicle_001", raising=False)
    action = t.cast("t.Any", hatci_evidence.ActionModule.__new__(hatci_evidence.ActionModule))
    action._task = types.SimpleNamespace(check_mode=False)

    action.after_success({"state": "bundled", "store": store, "path": "/evidence/test"}, {"path": path})

    assert heard == [("vehicle_001", told)]
