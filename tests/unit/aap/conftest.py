# SPDX-License-Identifier: GPL-3.0-or-later
"""An AAP that answers what a test says."""

from __future__ import annotations

import typing as t

import pytest
import responses

AAP = "https://aap.example.com"
ROOT = f"{AAP}/api/v2/"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[responses.RequestsMock]:
    """Return an AAP that has an API and whatever a test adds."""
    monkeypatch.setenv("CONTROLLER_HOST", AAP)
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "canary")
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(ROOT, json={})
        yield mock
