# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that become files, leases and labels."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import (
    check_name,
    label_value,
    new_lease_name,
)

RFC_1123 = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@pytest.mark.parametrize("name", ["vehicle_001", "a", "Bench-7.left", "0" * 100])
def test_a_name_stays_as_it_is(name: str) -> None:
    assert check_name(name, "exporter") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/x", "a b", "-x", "_x", "a\n", "ä", "a" * 101, "a\0"]
)
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^exporter is .*; use letters, digits, dot, dash and underscore"):
        check_name(name, "exporter")


@given(st.text(), st.text())
def test_a_lease_name_is_one_that_the_controller_takes(job: str, host: str) -> None:
    name = new_lease_name(job, host)

    assert RFC_1123.fullmatch(name) and len(name) <= 63
    assert check_name(name, "lease_name") == name


def test_a_lease_name_tells_whose_it_is_and_is_never_used_twice() -> None:
    names = {new_lease_name("4711", "vehicle_001") for _unused in range(50)}

    assert len(names) == 50
    assert all(name.startswith("hatci-4711-vehicle-001-") for name in names)


@given(st.text() | st.from_regex(r"[A-Za-z._ -]{60,70}", fullmatch=True))
def test_a_label_value_is_one_that_the_controller_takes(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", label_value(text))
