# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that nobody expects, and what must hold of a result nevertheless."""

from __future__ import annotations

import json
import typing as t

import hypothesis
from hypothesis import strategies as st

FEW = hypothesis.settings(max_examples=max(1, hypothesis.settings.default.max_examples // 2))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
anything = st.one_of(
    json_values,
    st.text(max_size=60),
    st.sampled_from(
        [
            *("", " ", "\x00", "\ud800", "x" * 5000, "..", "/", "{{ x }}", "~", "$HOME", "/dev/null", "-1", "1e400"),
            *("nan", "inf", "check-mode", "http://[", "http://a..b", "https://h:99999", "http://127.0.0.1:9"),
            *(float("nan"), float("inf"), -1, 0, 2**70),
            *([], {}, [None], [[]], [{}], [{"ecu_name": None}], {"a": float("nan")}, {1: 2}, b"bytes", (1, 2)),
        ]
    ),
)


def strategy_of(spec: dict[str, t.Any]) -> st.SearchStrategy[t.Any]:
    """Return values for an argument, some of which fit its specification."""
    fitting: dict[str, st.SearchStrategy[t.Any]] = {
        "int": st.integers(),
        "float": st.floats(),
        "bool": st.booleans(),
        "dict": st.dictionaries(st.text(max_size=5), json_values, max_size=3),
    }
    if "choices" in spec:
        return st.sampled_from(spec["choices"]) | anything
    if spec.get("options"):
        return st.lists(st.fixed_dictionaries({name: anything for name in spec["options"]}), max_size=3) | anything
    if spec["type"] == "list":
        return st.lists(st.text(max_size=10), max_size=3) | anything
    return fitting.get(spec["type"], st.text(max_size=30)) | anything


def as_sent(arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return arguments as they reach a module, that is through JSON."""
    return t.cast("dict[str, t.Any]", json.loads(json.dumps(arguments, default=str)))


def assert_can_be_shown(result: t.Any) -> None:
    """Assert that Ansible can hand a result on, and that a person can read why it failed, if it did."""
    assert isinstance(result, dict)
    json.dumps(result, allow_nan=False).encode("utf-8")
    if not result.get("failed"):
        assert "changed" in result and "msg" not in result
        return
    message = result["msg"]
    assert isinstance(message, str) and message.strip()
    assert len(message.splitlines()) == 1
    assert "Traceback (most" not in message and " object at 0x" not in message, message
    assert len(message) < 3000
