# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls are repeated, when, how long, and which never are."""

from __future__ import annotations

import email.utils
import itertools
import socket
import threading
import time

import pytest
from scripted_backend import Backend, Drop, Reply, reply_json
from sums_support import assert_is_sentence, client_of, is_unknown, run_module

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.retry import is_repeatable, parse_retry_after

OK = reply_json({"event_id": "ev-1", "id": "x", "status": "PASS"})


def call(backend: Backend, method: str, **options: float) -> None:
    with client_of(backend.url, **options) as client:
        if method == "GET":
            client.get("health")
        elif method == "POST":
            client.post("events", body={})
        else:
            client.patch("test_events", "te-1", body={})


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 422, 429, 500, 501, 502, 503, 504, 599])
def test_which_status_is_repeated(backend: Backend, method: str, status: int) -> None:
    backend.replies(reply_json({"error": "injected"}, status), OK)
    repeated = status == 429 or (method == "GET" and status in (502, 503, 504))

    if repeated:
        call(backend, method)
    else:
        with pytest.raises(errors.RequestError, match="injected"):
            call(backend, method)

    assert len(backend.seen) == 1 + repeated


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("retry_after", ["0", "soon"])
def test_only_503_with_retry_after_repeats_a_write(
    backend: Backend, method: str, status: int, retry_after: str
) -> None:
    backend.replies(reply_json({}, status, headers={"Retry-After": retry_after}), OK)
    repeated = status == 503 or (method == "GET" and status != 500)

    if repeated:
        call(backend, method)
    else:
        with pytest.raises(errors.ServerFault):
            call(backend, method)

    assert len(backend.seen) == 1 + repeated


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("POST", False), ("PATCH", False)])
def test_a_lost_reply_repeats_reads_only(backend: Backend, method: str, repeated: bool) -> None:
    backend.replies(Drop(), OK)

    if repeated:
        call(backend, method)
    else:
        with pytest.raises(errors.ReplyLost) as caught:
            call(backend, method)
        assert caught.value.maybe_processed

    assert len(backend.seen) == 1 + repeated


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("POST", False), ("PATCH", False)])
def test_a_read_timeout_repeats_reads_only(backend: Backend, method: str, repeated: bool) -> None:
    backend.replies(Reply(delay=30), OK)

    if repeated:
        call(backend, method, timeout=0.2)
    else:
        with pytest.raises(errors.ReplyLost, match="timed out"):
            call(backend, method, timeout=0.2)

    assert len(backend.seen) == 1 + repeated


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_refused_connection_repeats_everything(method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    backend = Backend.__new__(Backend)
    backend.url = f"http://127.0.0.1:{port}"
    heard: list[bytes] = []

    def serve_late() -> None:
        with socket.create_server(("127.0.0.1", port)) as server:
            connection, _peer = server.accept()
            with connection:
                heard.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"id": "x"}')

    late = threading.Timer(0.3, serve_late)
    late.start()
    call(backend, method, retry_timeout=30)
    late.join()

    assert [one.split(b" ")[0].decode() for one in heard] == [method]


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_dead_host_is_unreachable_and_nothing_was_processed(method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    backend = Backend.__new__(Backend)
    backend.url = f"http://127.0.0.1:{port}"

    with pytest.raises(errors.Unreachable, match="connection refused") as caught:
        call(backend, method, retry_timeout=0)

    assert not caught.value.maybe_processed
    assert_is_sentence(caught.value.message)


@pytest.mark.usefixtures("quick_retries")
def test_every_repeat_of_a_post_has_the_same_key(backend: Backend) -> None:
    busy = reply_json({"error": "busy"}, 429)
    backend.replies(busy, busy, reply_json({}, 503, headers={"Retry-After": "0"}), OK)

    call(backend, "POST")

    keys = [seen.headers["idempotency-key"] for seen in backend.seen]
    assert len(keys) == 4 and len(set(keys)) == 1
    assert len({seen.body for seen in backend.seen}) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_retry_after_in_seconds_is_honoured(backend: Backend, pauses: list[float], method: str) -> None:
    backend.replies(reply_json({}, 429, headers={"Retry-After": "7"}), OK)

    call(backend, method, retry_timeout=60)

    assert pauses == [7]


def test_retry_after_as_http_date_is_honoured(backend: Backend, pauses: list[float]) -> None:
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    backend.replies(reply_json({}, 503, headers={"Retry-After": date}), OK)

    call(backend, "POST", retry_timeout=60)

    assert len(pauses) == 1 and 20 < pauses[0] <= 31


@pytest.mark.parametrize(
    "nonsense",
    [
        "soon",
        "-5",
        "1.5",
        "",
        "9" * 5000,
        "Mon, 31 Feb 2024 99:99:99 GMT",
        "Mon, 01 Xyz 2024 00:00:00 GMT",
        "Mon, 01 Jan 99999999 00:00:00 GMT",
        "Mon, 00 Jan 0000 00:00:00 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "\x01\x02",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_malformed_retry_after_does_no_harm(
    backend: Backend, pauses: list[float], nonsense: str, method: str
) -> None:
    busy = reply_json({"error": "busy"}, 429, headers={"Retry-After": nonsense})
    backend.replies(busy, OK)
    call(backend, method, retry_timeout=60)
    assert len(backend.seen) == 2

    backend.replies(busy)
    with pytest.raises(errors.Busy, match="busy") as caught:
        call(backend, method, retry_timeout=0)
    assert_is_sentence(caught.value.message)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_empty_retry_after_does_not_prove_that_nothing_was_done(backend: Backend, method: str) -> None:
    backend.replies(reply_json({"error": "down"}, 503, headers={"Retry-After": ""}))

    with pytest.raises(errors.ServerFault) as caught:
        call(backend, method, retry_timeout=0)
    assert caught.value.maybe_processed


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_retry_after_beyond_the_deadline_is_not_waited_for(
    backend: Backend, pauses: list[float], method: str
) -> None:
    backend.replies(reply_json({"error": "maintenance"}, 429, headers={"Retry-After": "61"}))

    with pytest.raises(errors.Busy, match="maintenance") as caught:
        call(backend, method, retry_timeout=60)

    assert pauses == []
    assert caught.value.details["retry_after"] == 61
    assert len(backend.seen) == 1


def test_no_attempt_begins_after_the_deadline(backend: Backend, pauses: list[float]) -> None:
    backend.replies(reply_json({"error": "down"}, 503))

    with pytest.raises(errors.ServerFault, match="down"):
        call(backend, "GET", retry_timeout=60)

    assert sum(pauses) <= 60
    assert len(backend.seen) == len(pauses) + 1


def test_lost_connections_are_repeated_until_the_deadline(backend: Backend, pauses: list[float]) -> None:
    backend.replies(Drop())

    with pytest.raises(errors.ReplyLost):
        call(backend, "GET", retry_timeout=60)

    assert 30 < sum(pauses) <= 60
    assert len(backend.seen) == len(pauses) + 1


def test_pauses_grow_up_to_a_limit_and_differ(backend: Backend, pauses: list[float]) -> None:
    backend.replies(Drop())

    runs = []
    for until in (200, 400):
        with pytest.raises(errors.ReplyLost):
            call(backend, "GET", retry_timeout=until)
        runs.append(list(pauses))
        pauses.clear()
    assert runs[0] != runs[1]
    for run in runs:
        assert len(run) > 10
        for pause, longest in zip(run, itertools.chain((0.5, 1, 2, 4, 8), itertools.repeat(15)), strict=False):
            assert longest / 2 <= pause <= longest


def test_zero_tries_once(backend: Backend, pauses: list[float]) -> None:
    backend.replies(Drop())

    with pytest.raises(errors.ReplyLost):
        call(backend, "GET", retry_timeout=0)

    assert len(backend.seen) == 1 and pauses == []


WHERE = {"method": "GET", "path": "/"}


@pytest.mark.parametrize("twice_is_once", [True, False])
@pytest.mark.parametrize(
    ("error", "always", "where_retryable"),
    [
        (errors.Unreachable("", **WHERE), True, True),
        (errors.Busy("", **WHERE, status=503), True, True),
        (errors.ReplyLost("", **WHERE), False, True),
        (errors.ServerFault("", **WHERE, status=502), False, True),
        (errors.ServerFault("", **WHERE, status=503), False, True),
        (errors.ServerFault("", **WHERE, status=504), False, True),
        (errors.ServerFault("", **WHERE, status=500), False, False),
        (errors.UnreadableAnswer("", **WHERE, status=200), False, False),
        (errors.AnotherRecord("", **WHERE), False, False),
        (errors.TlsFailure("", **WHERE), False, False),
        (errors.NotFound("", **WHERE, status=404), False, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, errors.RequestError) else "",
)
def test_what_is_repeated(error: errors.RequestError, always: bool, where_retryable: bool, twice_is_once: bool) -> None:
    assert is_repeatable(error, twice_is_once) is (where_retryable if twice_is_once else always)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("21599", 21599.0),
        ("315360000", 21600.0),
        ("9" * 300, 21600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 21600.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("-5", None),
        ("", None),
        ("\u0661\u0662", None),
    ],
)
def test_a_retry_after_is_six_hours_at_most(header: str, seconds: float | None) -> None:
    assert parse_retry_after(header) == seconds


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(
    "lost", [Drop(), Reply(200, b'{"id"', promised=400), Reply(504), Reply(503)], ids=["lost", "cut off", "504", "503"]
)
def test_a_creation_is_repeated_with_its_key_where_sums_honours_keys(backend: Backend, lost: Reply | Drop) -> None:
    backend.replies(lost, reply_json({"event_id": "ev-7"}))
    created = run_module("hatci_create_event", backend.url, retry_timeout=5, idempotent_posts=True)
    assert created["event_id"] == "ev-7"
    first, second = backend.seen
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]

    backend.replies(lost)
    in_vain = run_module("hatci_create_event", backend.url, retry_timeout=0.1, idempotent_posts=True)
    assert is_unknown(in_vain) and "sending it again did not help" in in_vain["msg"]

    backend.seen.clear()
    backend.replies(lost, reply_json({"event_id": "ev-8"}))
    assert is_unknown(run_module("hatci_create_event", backend.url, retry_timeout=5))
    assert len(backend.seen) == 1


@pytest.mark.usefixtures("quick_retries")
def test_a_patch_is_no_creation(backend: Backend) -> None:
    backend.replies(Drop(), OK)
    with pytest.raises(errors.ReplyLost):
        call(backend, "PATCH", retry_timeout=5, idempotent_posts=True)
    assert len(backend.seen) == 1


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("broken", ["short", "silent"])
def test_an_answer_cut_off_repeats_reads_only(backend: Backend, broken: str) -> None:
    cut = Reply(200, b'{"id"', promised=400)
    if broken == "silent":
        cut = Reply(200, b'{"id": "x"}', trickle=30)
    backend.replies(cut, OK)
    call(backend, "GET", timeout=0.3)
    assert len(backend.seen) == 2

    backend.replies(cut, OK)
    with pytest.raises(errors.RequestError) as caught:
        call(backend, "POST", timeout=0.3)
    assert caught.value.maybe_processed
    assert len(backend.seen) == 3


@pytest.mark.usefixtures("quick_retries")
def test_a_busy_backend_is_told_of_in_one_sentence(backend: Backend) -> None:
    backend.replies(reply_json({"error": "too many calls"}, 429))

    result = run_module("hatci_create_event", backend.url, retry_timeout=0.05)

    assert_is_sentence(result["msg"])
    assert "too many calls" in result["msg"] and "nothing was changed" in result["msg"]
    assert not is_unknown(result)
