# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files the inventory plugin takes, and what it makes of a vehicle's name and fields."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hatci.automation.plugins.inventory import hatci


@pytest.mark.parametrize("name", ["hatci.yml", "hatci.yaml", "vehicles.hatci.yml", "lab.eu.hatci.yaml"])
def test_files_named_for_the_plugin_are_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert hatci.InventoryModule().verify_file(str(tmp_path / name))


@pytest.mark.parametrize("name", ["hosts", "hatci.ini", "myhatci.yml", "hatci.yml.bak", "hatci.yml/hosts"])
def test_other_files_are_left_to_other_plugins(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert not hatci.InventoryModule().verify_file(str(tmp_path / name))


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("1HGBH41JXMN109186", "1HGBH41JXMN109186"),
        (" bench-7.lab ", "bench-7.lab"),
        ("Grüne Limousine", "Gr_ne_Limousine"),
        ("!web", "_web"),
        ("a,b:c&d", "a_b_c_d"),
        ("-e", "_e"),
        ("car[1:3]", "car_1_3_"),
    ],
)
def test_host_names_are_no_patterns(given_name: str, expected: str) -> None:
    assert hatci.safe_name(given_name) == expected


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_becomes_a_name_that_stays(name: str) -> None:
    once = hatci.safe_name(name)
    assert once
    assert hatci.safe_name(once) == once


def test_fields_become_variables_under_the_names_that_the_roles_take() -> None:
    vehicle = {"vin": "V", "id": "veh-1", "program_name": "P", "model-year": 2024, "region": None}
    assert hatci.host_variables(vehicle) == {
        "hatci_vin": "V",
        "hatci_vehicle_id": "veh-1",
        "hatci_program_name": "P",
        "hatci_model_year": 2024,
    }


def test_an_id_that_is_a_number_becomes_the_text_that_the_modules_take() -> None:
    assert hatci.host_variables({"vin": "V", "id": 17})["hatci_vehicle_id"] == "17"


@pytest.mark.parametrize(
    "field", ["base_url", "token", "token_file", "verify_tls", "ca_path", "client_cert", "timeout"]
)
def test_a_record_in_sums_does_not_lead_the_token_elsewhere(field: str) -> None:
    assert hatci.host_variables({"vin": "V", field: "https://evil.example"}) == {"hatci_vin": "V"}


json_values: st.SearchStrategy[t.Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_marking_values_changes_none_of_them(value: t.Any) -> None:
    assert hatci.as_data(value) == value
