# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand: what the client sees, and what the backend holds afterwards."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from hatci_lab.sums.process import SumsProcess

BODY = {"vin": "V", "event_id": "pending", "ansible_job_id": "1", "git_sha": "abc", "suite_name": "smoke"}


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SumsProcess]:
    with SumsProcess(db=tmp_path_factory.mktemp("sums") / "sums.db") as running:
        yield running


@pytest.fixture
def sums(process: SumsProcess) -> SumsProcess:
    process.reset()
    return process


def post(sums: SumsProcess, **options: Any) -> requests.Response:
    return sums.api("POST", "/test_events", BODY, **options)


def records(sums: SumsProcess) -> int:
    return len(sums.state()["test_events"])


def test_a_status_comes_with_its_headers_and_instead_of_the_work(sums: SumsProcess) -> None:
    sums.add_fault(kind="status", status=429, headers={"Retry-After": "7"}, body={"error": "slow down"})

    answer = post(sums)

    assert (answer.status_code, answer.headers["Retry-After"], answer.json()) == (429, "7", {"error": "slow down"})
    assert (records(sums), post(sums).status_code) == (0, 201)


def test_a_status_after_commit_hides_the_work(sums: SumsProcess) -> None:
    sums.add_fault(kind="status_after_commit", status=504, body="upstream timed out")

    answer = post(sums)

    assert (answer.status_code, answer.text, records(sums)) == (504, "upstream timed out", 1)
    assert [(one["status"], one["fault"], one["committed"]) for one in sums.requests()] == [
        (504, "status_after_commit", True)
    ]


@pytest.mark.parametrize(("kind", "left"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_has_no_answer(sums: SumsProcess, kind: str, left: int) -> None:
    sums.add_fault(kind=kind)

    with pytest.raises(requests.ConnectionError):
        post(sums)

    assert records(sums) == left
    assert [(one["status"], one["committed"]) for one in sums.requests()] == [(None, bool(left))]


def test_slow_answers_come_in_the_end(sums: SumsProcess) -> None:
    sums.add_fault(kind="slow", delay=0.05)
    sums.add_fault(kind="slow_after", delay=0.05)

    assert [post(sums).status_code, post(sums).status_code] == [201, 201]
    assert [one["fault"] for one in sums.requests()] == ["slow", "slow_after"]


def test_a_hang_ends_when_the_client_leaves(sums: SumsProcess) -> None:
    sums.add_fault(kind="hang")

    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{sums.url}/api/v1/health", timeout=0.3)

    assert sums.api("GET", "/health").status_code == 200


@pytest.mark.parametrize("commit", [False, True])
def test_garbage_is_no_json(sums: SumsProcess, commit: bool) -> None:
    sums.add_fault(kind="garbage", commit=commit)

    answer = post(sums)

    assert (answer.status_code, records(sums)) == (200, int(commit))
    with pytest.raises(ValueError):
        answer.json()


def test_a_login_page_is_html(sums: SumsProcess) -> None:
    sums.add_fault(kind="html")

    answer = post(sums)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert ("<form" in answer.text, records(sums)) == (True, 0)


def test_a_truncated_answer_promises_more_than_it_gives(sums: SumsProcess) -> None:
    sums.add_fault(kind="truncate")

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        post(sums)

    assert records(sums) == 1


@pytest.mark.parametrize("kind", ["drip_headers", "drip_body"])
def test_an_answer_that_drips_never_ends(sums: SumsProcess, kind: str) -> None:
    sums.add_fault(kind=kind, delay=0.02)

    host, port = sums.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        request = f"GET /api/v1/health HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {sums.token}\r\n\r\n"
        connection.sendall(request.encode())
        received = b""
        while len(received) < 300:
            received += connection.recv(1)

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert received.endswith(b"aaa" if kind == "drip_headers" else b"   ")
    assert sums.api("GET", "/health").status_code == 200


def test_a_bomb_is_small_on_the_wire(sums: SumsProcess) -> None:
    sums.add_fault(kind="bomb")

    answer = sums.api("GET", "/health", stream=True)

    assert answer.headers["content-encoding"] == "gzip" and int(answer.headers["content-length"]) < 100_000


def test_a_huge_answer_names_no_id(sums: SumsProcess) -> None:
    sums.add_fault(kind="huge")

    answer = post(sums)

    assert (len(answer.content) > 10_000_000, list(answer.json()), records(sums)) == (True, ["data"], 1)


def test_an_answer_can_be_replaced_or_patched(sums: SumsProcess) -> None:
    sums.add_fault(kind="replace", status=201, body=[1])
    sums.add_fault(kind="patch", body={"test_event_id": None, "id": 7})

    replaced, patched = post(sums), post(sums)

    assert (replaced.status_code, replaced.json()) == (201, [1])
    assert (patched.status_code, patched.json()["id"], "test_event_id" in patched.json()) == (201, 7, False)
    assert records(sums) == 2


def test_a_redirect_leads_away(sums: SumsProcess) -> None:
    sums.add_fault(kind="redirect", status=307, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    answer = post(sums, allow_redirects=False)

    assert (answer.status_code, answer.headers["Location"], records(sums)) == (307, "http://127.0.0.1:9/elsewhere", 0)


def test_rules_choose_by_method_and_whole_path_and_count(sums: SumsProcess) -> None:
    sums.add_fault(kind="status", status=500, method="PATCH", path="/test_events/.*", skip=1, times=2)
    path = f"/test_events/{post(sums).json()['test_event_id']}"

    seen = [sums.api("PATCH", path, {"summary": str(number)}).status_code for number in range(5)]

    assert seen == [200, 500, 500, 200, 200]
    (rule,) = sums.faults()
    assert (rule["passed"], rule["fired"]) == (1, 2)


def test_a_rule_without_end_lasts_until_cleared(sums: SumsProcess) -> None:
    sums.add_fault(kind="status", status=503, times=0)
    assert [post(sums).status_code for _unused in range(3)] == [503] * 3

    sums.clear_faults()

    assert post(sums).status_code == 201


@pytest.mark.parametrize("rule", [{"kind": "flood"}, {"kind": "status", "path": "("}, {"kind": "status", "code": 1}])
def test_a_rule_that_means_nothing_is_refused(sums: SumsProcess, rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="422"):
        sums.add_fault(**rule)
