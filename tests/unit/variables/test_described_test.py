# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables say of a test for its evidence, however wrong they are."""

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.hatci.automation.plugins.plugin_utils.described_test import describe_test
from ansible_collections.hatci.automation.plugins.plugin_utils.typed_variables import TypedVariables

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core 2.16 trusts all text

    def trust_as_template(value: str) -> str:
        return value


ECU = {"ecu_name": "Gateway", "part_number": "0123", "sw_version": "1.10"}


def described(**variables: t.Any) -> dict[str, t.Any]:
    return describe_test(TypedVariables(Templar(DataLoader()), variables))


def test_a_test_is_described_by_its_variables() -> None:
    known = described(
        hatci_vin="1HGBH41JXMN109186",
        hatci_model_year=2024,
        hatci_source_ecus=[ECU],
        hatci_target_ecus="- {ecu_name: Gateway, part_number: 0123, sw_version: 1.10}",
    )
    assert (known["vin"], known["model_year"], known["region"]) == ("1HGBH41JXMN109186", "2024", "")
    assert known["source"] == {"build_level": "", "ecus": [ECU]}
    assert known["target"] == {"build_level": "", "ecus": [ECU]}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (None, ""),
        ({"name": "nominal (2)", "kind": "test", "cycle": 1, "cycles": 1}, "nominal (2)"),
        ({"name": "soak", "kind": "test", "cycle": 3, "cycles": 100}, "soak, cycle 3 of 100"),
        ({"name": "soak", "kind": "return", "cycle": 3, "cycles": 100}, "before soak, cycle 3 of 100"),
    ],
)
def test_each_test_of_a_suite_is_told_from_every_other(step: dict[str, t.Any] | None, words: str) -> None:
    assert described(**({"__hatci_ota_suite_step": step} if step else {}))["step"] == words


def test_what_cannot_be_used_is_left_to_the_check_that_names_it() -> None:
    known = described(
        hatci_vin=trust_as_template("{{ nope }}"),
        hatci_region=trust_as_template("{{ 1 / 0 }}"),
        hatci_source_ecus=[{**ECU, "sw_version": trust_as_template("{{ nope }}")}],
        hatci_target_ecus="Gateway",
    )
    assert (known["vin"], known["region"]) == ("", "")
    assert known["source"]["ecus"] == known["target"]["ecus"] == []
