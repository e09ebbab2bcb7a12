# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode says of leases is what the run would do; only the record of a held lease is read for it."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations.lease import (
    PREDICTED_NAME,
    manage_lease,
)
from ansible_collections.hatci.automation.plugins.modules import jumpstarter_lease

HELD = "hatci-4711-vehicle-001"
Predict = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predict:
    """Return what check mode says of a state and further options."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spec = jumpstarter_lease.ARGUMENTS["argument_spec"]
    defaults = {name: argument.get("default") for name, argument in spec.items()}

    def ask(state: str, **options: t.Any) -> dict[str, t.Any]:
        return manage_lease({**defaults, "mode": "local", "state": state, **options}, check_mode=True)

    return ask


def hold(mode: str, trouble: str = "") -> None:
    """Have this machine hold a lease."""
    files = LeaseFiles(HELD)
    files.write(
        {"name": HELD, "mode": mode, "what": "exporter bench", "asked": "bench", "exporter": "bench", "keeper": None,
         "config": None if mode == "local" else [], "lease": {}, "keeper_log": "keeper.log"}
    )  # fmt: skip
    if trouble:
        files.trouble.write_text(trouble, encoding="utf-8")


def test_a_first_acquire_is_a_change_and_a_second_one_is_none(predict: Predict) -> None:
    first = predict("acquire", exporter="bench")
    assert (first["changed"], first["lease_name"]) == (True, PREDICTED_NAME)
    second = predict("acquire", exporter="bench", lease_name=first["lease_name"])
    assert (second["changed"], second["lease_name"]) == (False, PREDICTED_NAME)


def test_a_lease_that_is_held_is_gone_on_with(predict: Predict) -> None:
    hold("local")
    result = predict("acquire", exporter="bench", lease_name=HELD)
    assert (result["changed"], result["lease_name"]) == (False, HELD)


@pytest.mark.parametrize(
    ("options", "trouble", "words"),
    [
        ({"exporter": "other"}, "", "already holds lease hatci-4711-vehicle-001 of exporter bench; release it before"),
        ({"exporter": "bench"}, "It was lost.", "is not safe any more"),
    ],
)
def test_an_acquire_that_would_be_refused_is_refused(
    predict: Predict, options: dict[str, str], trouble: str, words: str
) -> None:
    hold("local", trouble)
    with pytest.raises(errors.JumpstarterError, match=words):
        predict("acquire", lease_name=HELD, **options)


def test_a_renewal_of_a_local_lease_is_refused(predict: Predict) -> None:
    hold("local")
    with pytest.raises(errors.InputError, match="is a local one, which does not run out"):
        predict("renew", lease_name=HELD)


@pytest.mark.parametrize("name", [HELD, PREDICTED_NAME])
def test_a_renewal_of_another_lease_is_a_change(predict: Predict, name: str) -> None:
    hold("controller")
    assert predict("renew", lease_name=name)["changed"]
