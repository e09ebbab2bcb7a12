# SPDX-License-Identifier: GPL-3.0-or-later
"""Every spelling that the wire has is understood, and what must not be is refused."""

from __future__ import annotations

import json
import typing as t

import pytest
from scripted_backend import Backend, Reply, reply_json
from sums_support import TOKEN, assert_is_sentence, client_of, run_module

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors, responses
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection

NOT_JSON = {
    "empty": b"",
    "text": b"OK",
    "truncated": b'{"event_id": "ev-1", "sta',
    "nan": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "too big for a number": b'{"a": 1e999}',
    "number without end": b'{"a": ' + b"9" * 5000 + b"}",
    "deep": b'{"a":' * 100 + b"1" + b"}" * 100,
    "deeper": b"[" * 100000,
    "lone surrogate": b'{"a": "\\ud800"}',
    "lone surrogate as key": b'{"\\udfff": 1}',
    "not utf-8": b'{"a": "\xff"}',
    "utf-16": json.dumps({"a": 1}).encode("utf-16"),
    "two values": b"{}{}",
    "page": b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>",
    "zeros": b"\0" * 100,
}


@pytest.mark.parametrize("kind", NOT_JSON)
@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event", "hatci_test_event_update"])
def test_what_is_no_json_is_said_in_a_sentence(backend: Backend, kind: str, module: str) -> None:
    backend.replies(Reply(200, NOT_JSON[kind]))

    result = run_module(module, backend.url)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "hatci_base_url" in result["msg"]
    assert result["status"] == 200


def test_a_login_page_is_named_by_its_title(backend: Backend) -> None:
    page = b"<html><head><title lang=en>\nSign&nbsp;in &amp; go </title></head>" + b"x" * 5000
    backend.replies(Reply(200, page, content_type="text/html"))

    message = run_module("hatci_health", backend.url)["msg"]

    assert "an HTML page titled 'Sign in & go'" in message
    assert "login page" in message


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (b"<html><body>nothing</body></html>", "an HTML page"),
        (b"<title>" + b"x" * 1000 + b"</title>", "an HTML page"),
        (b"<title></title>", "an HTML page"),
        (b"<title" * 500_000, "an HTML page"),
        (b"<title>" * 500_000, "an HTML page"),
        (b"plain words\x1b[31m\r\nin\ttwo lines\x07", "plain words in two lines"),
        ("Größe \u202e falsch".encode(), "Größe falsch"),
    ],
)
def test_free_text_and_pages_become_one_short_line(backend: Backend, page: bytes, shown: str) -> None:
    backend.replies(Reply(500, page, content_type="text/plain"))

    message = run_module("hatci_health", backend.url)["msg"]

    assert_is_sentence(message)
    assert f"({shown})" in message


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"error": "wrong vin", "message": "no"}, "wrong vin"),
        ({"error": "", "message": "from message"}, "from message"),
        ({"message": "from message"}, "from message"),
        ({"detail": "from detail"}, "from detail"),
        ({"error": {"code": 7}}, '{"code": 7}'),
        ({"error": ["a", "b"]}, '["a", "b"]'),
        ({"code": 7}, '{"code": 7}'),
        (["no"], '["no"]'),
        ("just text", "just text"),
        (7, "7"),
        ({"error": "x" * 1000}, "x" * 297 + "..."),
        ({"error": "two\nlines\u2028more"}, "two lines more"),
    ],
)
def test_the_backends_own_words_are_shown(backend: Backend, body: t.Any, shown: str) -> None:
    backend.answers(body, 422)

    assert f"({shown})" in run_module("hatci_health", backend.url)["msg"]


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (400, errors.Rejected, "correct the input"),
        (401, errors.TokenRefused, "hatci_token"),
        (403, errors.TokenRefused, "hatci_token"),
        (404, errors.NotFound, "check the id"),
        (409, errors.WrongState, "state"),
        (422, errors.Rejected, "correct the input"),
        (500, errors.ServerFault, "operators"),
    ],
)
def test_each_status_has_its_meaning(backend: Backend, status: int, kind: type, advice: str) -> None:
    backend.answers({"error": "because"}, status)

    with client_of(backend.url) as client, pytest.raises(kind) as caught:
        client.get("events", "ev-1")

    message = caught.value.message
    assert_is_sentence(message)
    assert f"GET /api/v1/events/ev-1: SUMS answered {status} (because)" in message and advice in message
    assert caught.value.details["status"] == status


def test_an_error_without_words_is_a_sentence_too(backend: Backend) -> None:
    backend.replies(Reply(500, b""))

    assert "SUMS answered 500; " in run_module("hatci_health", backend.url)["msg"]


@pytest.mark.parametrize("value", [None, 1, "text", [], [{}], True])
@pytest.mark.parametrize("module", ["hatci_fix_event", "hatci_update_status", "hatci_test_event", "hatci_create_event"])
def test_an_answer_that_is_no_object_is_refused(backend: Backend, value: t.Any, module: str) -> None:
    backend.answers(value)

    result = run_module(module, backend.url)

    assert result["failed"]
    assert_is_sentence(result["msg"])


@pytest.mark.parametrize("special", ["%s", 'qu"ote%s', "back\\slash%s", "sla/sh%s", "<&>%s"])
@pytest.mark.parametrize(
    "echo",
    [
        lambda token: json.dumps({"error": f"token {token} is wrong"}).encode(),
        lambda token: json.dumps({"error": {"header": f"Bearer {token}"}}).encode(),
        lambda token: json.dumps({"error": f"token {token} is wrong"}).replace("/", "\\/").encode(),
        lambda token: ('{"error": "' + "".join(f"\\u{ord(c):04x}" for c in token) + '"}').encode(),
        lambda token: json.dumps({token: token}).encode(),
        lambda token: f"x {token} y".encode(),
        lambda token: f"<title>{token.replace('&', '&amp;').replace('<', '&lt;')}</title>".encode(),
        lambda token: json.dumps({"error": "x" * 280 + token}).encode(),
        lambda token: b"x" * 280 + token.encode(),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_the_token_is_never_repeated(
    backend: Backend, special: str, echo: t.Callable[[str], bytes], status: int
) -> None:
    token = special % "canary-token-secret"
    backend.replies(Reply(status, echo(token)))

    for module in ("hatci_health", "hatci_create_event", "hatci_update_status", "hatci_test_event_update"):
        shown = json.dumps(run_module(module, backend.url, hatci_token=token, retry_timeout=0.0))

        assert "canary" not in shown and "secret" not in shown, module


def test_no_token_that_a_file_ever_held_is_repeated(backend: Backend, tmp_path: t.Any) -> None:
    path = tmp_path / "token"
    path.write_text("canary-new")
    backend.answers({"error": "neither canary-old nor canary-new"}, 401)

    with SumsClient(Connection(backend.url, "canary-old", token_file=str(path))) as client:
        with pytest.raises(errors.TokenRefused) as caught:
            client.get("health")
        backend.answers({"vehicles": ["canary-old canary-new"]})
        assert "canary" not in json.dumps(client.get("vehicles").value)
    assert "canary" not in json.dumps(caught.value.as_result())


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({"event_id": "ev-1", "id": "x"}, "ev-1"),
        ({"id": "x"}, "x"),
        ({"event_id": None, "id": "x"}, "x"),
        ({"event_id": "", "id": "x"}, "x"),
        ({"event_id": "  ", "id": 7}, "7"),
        ({"event_id": 0}, "0"),
        ({"event_id": True, "id": False}, None),
        ({"event_id": 1.5}, None),
        ({"event_id": ["ev-1"], "id": {"a": 1}}, None),
        ({"Event_ID": "x"}, None),
        ({}, None),
        ([], None),
        ("ev-1", None),
    ],
)
def test_ids(record: t.Any, found: str | None) -> None:
    assert responses.find_id(record, "event_id", "id") == found


@pytest.mark.parametrize(
    ("record", "state"),
    [
        ({"state": "complete", "status": "FAILED"}, "COMPLETE"),
        ({"status": " In_Progress "}, "IN_PROGRESS"),
        ({"state": "", "status": "FAILED"}, "FAILED"),
        ({"state": None, "status": "failed"}, "FAILED"),
        ({"state": 1, "status": ["x"]}, None),
        ({}, None),
    ],
)
def test_states(record: dict[str, t.Any], state: str | None) -> None:
    assert responses.find_state(record) == state


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"reason": "a", "error_message": "b"}, "a"),
        ({"reason": "", "error_message": "b"}, "b"),
        ({"reason": None, "error_message": {"code": 1}}, '{"code": 1}'),
        ({"reason": "two\nlines"}, "two lines"),
        ({}, ""),
    ],
)
def test_reasons(record: dict[str, t.Any], reason: str) -> None:
    assert responses.find_reason(record) == reason


@pytest.mark.parametrize(
    ("record", "fixed"),
    [
        ({"fixed": True}, True),
        ({"fixed": True, "state": "CREATED"}, False),
        ({"fixed": True, "status": "draft"}, False),
        ({"fixed": True, "state": "FIXED", "status": "FAILED"}, False),
        ({"fixed": True, "error": "database is locked"}, False),
        ({"fixed": False, "state": "FIXED"}, False),
        ({"fixed": True, "state": "Deployed", "status": ""}, True),
        ({"status": "Fixed"}, True),
        ({"state": "FIXED "}, True),
        ({"fixed": False}, False),
        ({"fixed": "true"}, False),
        ({"fixed": 1}, False),
        ({"state": "not fixed"}, False),
        ({"state": None, "status": 1}, False),
        ({}, False),
    ],
)
def test_fixed(record: dict[str, t.Any], fixed: bool) -> None:
    assert responses.is_fixed(record) is fixed


def test_health_of_an_older_sums_is_a_warning(backend: Backend) -> None:
    backend.replies(reply_json({"error": "no such page"}, 404))

    result = run_module("hatci_health", backend.url)

    assert result["health_endpoint"] is False and result["changed"] is False
    (warning,) = result["warnings"]
    assert_is_sentence(warning)
    assert "404" in warning and "older SUMS" in warning and TOKEN not in warning


@pytest.mark.parametrize("health", [{"status": "ok"}, [], "up", None, True])
def test_health_is_handed_on_as_it_is(backend: Backend, health: t.Any) -> None:
    backend.answers(health)

    assert run_module("hatci_health", backend.url) == {"changed": False, "health_endpoint": True, "health": health}
