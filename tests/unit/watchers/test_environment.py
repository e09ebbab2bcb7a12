# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watcher, which works in another directory, gets of the play's environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import (
    absolute_path,
    watcher_environment,
)


def test_relative_paths_become_absolute_and_secrets_stay_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "venv/bin:/usr/bin")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "ca.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    for name in ("HATCI_TOKEN", "CONTROLLER_OAUTH_TOKEN", "TOWER_PASSWORD", "WEBDAV_PASSWORD", "WEBDAV_TOKEN"):
        monkeypatch.setenv(name, "secret")
    given = watcher_environment()
    assert given["PATH"] == f"{tmp_path}/venv/bin:/usr/bin"
    assert given["REQUESTS_CA_BUNDLE"] == f"{tmp_path}/ca.pem"
    assert given["HTTPS_PROXY"] == "http://proxy:3128"
    assert "secret" not in given.values()
    assert absolute_path("~/x") == f"{tmp_path}/home/x"
    assert absolute_path("x/../y") == os.path.join(tmp_path, "y")
