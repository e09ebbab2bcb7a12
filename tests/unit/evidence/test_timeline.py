# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page of a test shows of a deployment that was not seen to end."""

from __future__ import annotations

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._evidence.timeline import _state_kind
from ansible_collections.hatci.automation.plugins.module_utils._sums import states


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (states.SUCCESS[0], "ok"),
        *[(name, "failed") for name in states.FAILURE],
        *[(name, "busy") for name in (*states.BUSY, states.UNKNOWN)],
    ],
)
def test_a_state_has_the_colour_of_what_it_means_to_a_test(name: str, kind: str) -> None:
    assert _state_kind({"state": name}, None) == kind
