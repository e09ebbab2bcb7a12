# SPDX-License-Identifier: GPL-3.0-or-later
"""Any argument and any answer: a module ends with a result or a sentence, never with a traceback."""

from __future__ import annotations

import gzip
import json
import typing as t
from collections import Counter
from collections.abc import Iterator

import pytest
from fuzz_support import FEW, as_sent, assert_can_be_shown, json_values, strategy_of
from hypothesis import given
from hypothesis import strategies as st
from run_report import RunReport
from scripted_backend import Backend, Reply, reply_json
from sums_support import ARGUMENTS, MODULES, TOKEN, is_unknown, module_named, validated

from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.errors import SumsError
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection
from ansible_collections.hatci.automation.plugins.module_utils._sums.runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._sums.vehicles import list_vehicles

COUNTS: Counter[str] = Counter()
SECRET = "canary-of-the-fuzzer"


@pytest.fixture(autouse=True)
def _report_counts(run_report: RunReport) -> Iterator[None]:
    COUNTS.clear()
    yield
    for how in ("success", "failure", "refused by Ansible", "tokens"):
        run_report.count(f"inputs fuzzed: {how}", sum(number for what, number in COUNTS.items() if what.endswith(how)))


class Wire:
    """A backend that answers every request with the same reply."""

    def __init__(self) -> None:
        self.backend = Backend()

    def answers(self, reply: Reply) -> None:
        self.backend.replies(reply)
        self.backend.seen.clear()


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    """Return a backend that serves all examples of a module."""
    started = Wire()
    yield started
    started.backend.close()


def check(name: str, result: t.Any, backend: Backend) -> None:
    """Assert what holds for every result of every module."""
    assert_can_be_shown(result)
    COUNTS[f"{name} {'failure' if result.get('failed') else 'success'}"] += 1
    assert SECRET not in json.dumps(result)
    posts = [seen for seen in backend.seen if seen.method == "POST"]
    assert len(posts) <= (2 if name == "hatci_fix_event" else 1)


states = st.sampled_from(["PENDING", "complete", "FAILED", "", " ", "fixed", "PASS", SECRET, "\u2028", "x" * 5000])
ids = st.one_of(
    st.sampled_from(["ev-1", "", " ", ".", "..", "a/b", "\x00", "x" * 300, SECRET, "check-mode"]),
    st.integers(),
    json_values,
)
records = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(["id", "event_id", "deployment_id", "test_event_id"], ids),
        **dict.fromkeys(["state", "status"], states | json_values),
        "fixed": st.booleans() | json_values,
        "progress": json_values,
        "timestamps": json_values,
        "reason": json_values | st.just(f"because {SECRET}"),
        "error_message": json_values,
        "error": json_values | st.just(f"because {SECRET}"),
        "message": json_values,
        "vehicles": json_values | st.lists(st.fixed_dictionaries({"vin": json_values}), max_size=3),
        "next": json_values | st.sampled_from(["vehicles?page=2", "http://[", "//evil.invalid/", "\n", "/" + SECRET]),
    },
)
bodies = st.one_of(
    records.map(lambda value: json.dumps(value).encode()),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=300),
    st.sampled_from(
        [
            b"",
            b"\xef\xbb\xbf{}",
            b'{"id": NaN}',
            b'{"id": 1e999}',
            b'{"id": "\\ud800"}',
            b"[" * 5000,
            b'{"id":' * 200 + b"1" + b"}" * 200,
            b"<html><title>" + SECRET.encode() + b"</title>",
            b"<title" * 2000,
            b"<!--" * 2000,
            b'{"id": ' + b"9" * 6000 + b"}",
            SECRET.encode() * 30,
            gzip.compress(b'{"id": 1}'),
        ]
    ),
)
header_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": st.one_of(header_texts, st.integers().map(str), st.just("9" * 5000)),
        "Location": st.one_of(header_texts, st.sampled_from(["http://[", "//", f"http://{SECRET}/", "?"])),
        "Link": st.one_of(header_texts, header_texts.map(lambda text: f'<{text}>; rel="next"')),
        "Content-Type": st.one_of(header_texts, st.just("text/html")),
        "Content-Encoding": st.sampled_from(["gzip", "deflate", "identity", "br", "x"]),
        "Set-Cookie": header_texts,
        "WWW-Authenticate": header_texts,
    },
)
replies = st.builds(
    Reply,
    status=st.one_of(st.sampled_from([200, 200, 200, 201, 204, 304, 404, 409, 429, 500, 503]), st.integers(200, 599)),
    body=bodies,
    headers=headers,
)


@FEW
@given(reply=replies, check_mode=st.booleans())
@pytest.mark.parametrize("name", MODULES)
def test_every_answer(wire: Wire, name: str, reply: Reply, check_mode: bool) -> None:
    wire.answers(reply)
    options = validated(
        name,
        {
            **ARGUMENTS[name],
            "hatci_base_url": wire.backend.url,
            "hatci_token": SECRET,
            "timeout": 20,
            "retry_timeout": 0,
        },
    )

    result = run_operation(module_named(name).OPERATION, options, check_mode)

    check(name, result, wire.backend)


@FEW
@given(reply=replies)
def test_every_answer_to_a_wait(wire: Wire, reply: Reply) -> None:
    wire.answers(reply)
    said: list[str] = []
    options = validated(
        "hatci_update_status",
        {
            "hatci_base_url": wire.backend.url,
            "hatci_token": SECRET,
            "deployment_id": "d-1",
            "wait": True,
            "wait_timeout": 0.2,
            "poll_interval": 0.1,
            "outage_timeout": 0,
            "retry_timeout": 0,
        },
    )

    result = run_operation(
        module_named("hatci_update_status").OPERATION, options, False, say=said.append, sleep=lambda seconds: None
    )

    check("wait", result, wire.backend)
    assert all("\n" not in line and SECRET not in line for line in said)


@FEW
@given(reply=replies)
def test_every_list_of_vehicles(wire: Wire, reply: Reply) -> None:
    wire.answers(reply)
    try:
        with SumsClient(Connection(wire.backend.url, SECRET, timeout=20, retry_timeout=0)) as client:
            result: dict[str, t.Any] = {"changed": False, "vehicles": list(list_vehicles(client))}
    except SumsError as error:
        result = error.as_result()

    check("vehicles", result, wire.backend)


OK = reply_json({"id": "x-1", "event_id": "x-1", "fixed": True, "state": "FAILED", "status": "PASS"})


@FEW
@given(data=st.data(), check_mode=st.booleans())
@pytest.mark.parametrize("name", MODULES)
def test_every_argument(wire: Wire, name: str, data: st.DataObject, check_mode: bool) -> None:
    """What Ansible lets through, the module must take or refuse in a sentence."""
    wire.answers(OK)
    spec = module_named(name).ARGUMENTS["argument_spec"]
    arguments: dict[str, t.Any] = {
        **ARGUMENTS[name],
        "hatci_base_url": wire.backend.url,
        "hatci_token": TOKEN,
        "timeout": 20,
        "retry_timeout": 0,
    }
    for changed in data.draw(st.lists(st.sampled_from(sorted(spec)), min_size=1, max_size=3, unique=True)):
        # What names a place to write to is not fuzzed, lest the test write all over the disk.
        if changed not in ("keep_report_in", "timeout", "wait_timeout"):
            arguments[changed] = data.draw(strategy_of(spec[changed]))
    try:
        options = validated(name, as_sent(arguments))
    except (ValueError, OverflowError):  # the latter is how Ansible itself refuses an infinite int
        COUNTS[f"{name} refused by Ansible"] += 1
        return

    result = run_operation(module_named(name).OPERATION, options, check_mode, **_waits(name))

    check(name, result, wire.backend)
    if check_mode:
        assert all(seen.method == "GET" for seen in wire.backend.seen)
    if result.get("failed") and not wire.backend.seen:
        assert not is_unknown(result)


def _waits(name: str) -> dict[str, t.Any]:
    return {"sleep": lambda seconds: None} if name == "hatci_update_status" else {}


TOKENS = st.one_of(st.text(max_size=30), st.binary(max_size=30).map(lambda raw: raw.decode("latin-1")))


@given(token=TOKENS)
def test_every_token(wire: Wire, token: str) -> None:
    """A token is either sent as it is, in its header, or refused without being shown."""
    wire.answers(OK)
    options = validated("hatci_health", {"hatci_base_url": wire.backend.url, "hatci_token": token, "retry_timeout": 0})

    result = run_operation(module_named("hatci_health").OPERATION, options, False)

    COUNTS["tokens"] += 1
    if result.get("failed"):
        assert wire.backend.seen == []
        assert len(token.strip()) < 4 or token.strip() not in result["msg"]
    else:
        assert wire.backend.seen[0].headers["authorization"] == f"Bearer {token.strip()}"
