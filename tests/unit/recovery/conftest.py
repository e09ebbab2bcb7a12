# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AAP beside the simulated SUMS."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

import pytest

from hatci_lab.aap.process import AapProcess
from hatci_lab.sums.process import SumsProcess

if t.TYPE_CHECKING:
    from recovery_support import Lab


@pytest.fixture(scope="session")
def _aap_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AapProcess]:
    with AapProcess(tmp_path_factory.mktemp("aap") / "aap.log") as running:
        yield running


@pytest.fixture
def lab(
    _aap_process: AapProcess, sums: SumsProcess, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Lab:
    """Return a SUMS and an AAP, both empty, whose address the environment holds."""
    _aap_process.reset()
    for name, value in _aap_process.environment.items():
        monkeypatch.setenv(name, value)
    from recovery_support import Lab  # not before Ansible's loader is set up

    from ansible_collections.hatci.automation.plugins.module_utils._recovery import closings

    if "two_containers" not in request.node.nodeid:
        monkeypatch.setattr(closings, "OTHERS_SECONDS", 0.0)

    return Lab(sums, _aap_process)
