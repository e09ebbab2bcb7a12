# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source on real sockets: token, refusals, TLS, and what it asks SUMS for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import yaml
from event_source_simulation import load
from scripted_backend import Backend, Reply

from ansible_collections.hatci.automation.plugins.module_utils._sums import responses, states
from hatci_lab.sums.process import SumsProcess

SOURCE = load()
PENDING = Reply(body=b'{"state": "PENDING"}')
DONE = Reply(body=b'{"deployment_id": "dep/1", "state": "SUCCESS", "vin": "V"}')


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Return a backend that answers by script."""
    started = Backend()
    yield started
    started.close()


def follow(backend_url: str, *, events: int = 1, seconds: float = 60.0, **given: t.Any) -> list[dict[str, t.Any]]:
    """Run the source until it has emitted so many events, a deployment is complete, or so many seconds are over."""
    args = {"base_url": backend_url, "token": "canary-token", "deployments": ["dep/1"], "poll_interval": 0.05, **given}

    async def run() -> list[dict[str, t.Any]]:
        queue: asyncio.Queue[dict[str, t.Any]] = asyncio.Queue()
        running = asyncio.create_task(SOURCE["main"](queue, args))
        found = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(found) < events and not (found and found[-1]["deployment"]["state"] == "COMPLETE"):
                    getting = asyncio.create_task(queue.get())
                    await asyncio.wait([running, getting], return_when=asyncio.FIRST_COMPLETED)
                    if running.done():
                        getting.cancel()
                        running.result()
                    found.append(await getting)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return found

    return asyncio.run(run())


def test_it_asks_for_the_deployment_with_the_token(backend: Backend) -> None:
    backend.script = [DONE]

    (event,) = follow(backend.url)

    assert event["deployment"]["state"] == "COMPLETE"
    (seen,) = backend.seen
    assert (seen.method, seen.path) == ("GET", "/api/v1/deployments/dep%2F1")
    assert seen.headers["authorization"] == "Bearer canary-token"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"token": "given"}, "given"),
        ({"token": "given", "token_file": ""}, "given"),
        ({"token_file": "given-file"}, "of-given-file"),
        ({"token": "given", "token_file": "given-file"}, "of-given-file"),
        ({}, "of-environment-file"),
        ({"token": None, "token_file": None}, "of-environment-file"),
    ],
)
def test_the_environment_names_a_token_only_where_none_is_given(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("given-file", "environment-file"):
        Path(name).write_text(f"of-{name}\n")
    monkeypatch.setenv("HATCI_TOKEN_FILE", "environment-file")
    monkeypatch.setenv("HATCI_TOKEN", "environment")
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", load())
    backend.script = [DONE]

    follow(backend.url, **{"token": None, **given})

    (seen,) = backend.seen
    assert seen.headers["authorization"] == f"Bearer {expected}"


def test_a_renewed_token_is_read_again(backend: Backend, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("old\n")
    backend.script = [PENDING, Reply(status=401), DONE]

    async def renew() -> None:
        while len(backend.seen) < 1:
            await asyncio.sleep(0.01)
        token_file.write_text("new\n")

    async def both() -> list[t.Any]:
        queue: asyncio.Queue[t.Any] = asyncio.Queue()
        args = {"base_url": backend.url, "token_file": str(token_file), "deployments": ["dep/1"], "poll_interval": 0.2}
        running = asyncio.create_task(SOURCE["main"](queue, args))
        await renew()
        async with asyncio.timeout(60):
            events = [await queue.get(), await queue.get()]
        running.cancel()
        return events

    first, second = asyncio.run(both())

    assert [event["deployment"]["state"] for event in (first, second)] == ["PENDING", "COMPLETE"]
    assert [seen.headers["authorization"] for seen in backend.seen] == ["Bearer old", "Bearer old", "Bearer new"]


def test_a_token_that_was_never_taken_ends_the_source(backend: Backend) -> None:
    backend.script = [Reply(status=401, body=b'{"error": "canary-token is unknown"}')]
    with pytest.raises(ValueError, match="SUMS answered 401: the token is wrong, expired or lacks the right; give an"):
        follow(backend.url)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("first", [1, 19])
def test_a_deployment_that_the_token_may_not_see_does_not_end_the_source(
    backend: Backend, status: int, first: int
) -> None:
    backend.script = [Reply(status=status)] * first + [Reply(body=b'{"state": "COMPLETE"}')]
    deployments = [f"dep-{number}" for number in range(first + 1)]
    events = follow(backend.url, deployments=deployments, events=1, concurrency=1, poll_interval=1)
    assert [event["deployment"]["deployment_id"] for event in events] == [f"dep-{first}"]


def test_a_token_that_is_refused_for_every_one_of_many_ends_the_source_soon(backend: Backend) -> None:
    backend.script = [Reply(status=401)]
    with pytest.raises(ValueError, match="SUMS answered 401: the token is wrong"):
        follow(backend.url, deployments=[f"dep-{number}" for number in range(1000)], poll_interval=2, seconds=240)
    assert len(backend.seen) < 100


def test_an_answer_that_there_is_no_such_deployment_shows_that_the_token_is_taken(backend: Backend) -> None:
    backend.script = [Reply(status=404), Reply(status=401), Reply(status=401), Reply(status=401), DONE]
    (event,) = follow(backend.url)
    assert event["deployment"]["state"] == "COMPLETE"


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(status=503),
        Reply(status=429, headers={"Retry-After": "0"}),
        Reply(body=b"<html>"),
        Reply(body=b"[]"),
        Reply(body=b'{"deployment_id": "dep-9", "state": "COMPLETE"}'),
        Reply(body=b'{"progress": 10}'),
        Reply(status=302, headers={"Location": "https://elsewhere.example.com"}),
        Reply(body=b'{"state"', promised=100),
        Reply(body=b"[" * 100_000),
    ],
)
def test_what_cannot_be_used_is_asked_for_again(
    backend: Backend, trouble: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    backend.script = [trouble, trouble, DONE]
    caplog.set_level(logging.DEBUG, "hatci.sums_deployments")

    (event,) = follow(backend.url, timeout=2)

    assert event["deployment"]["state"] == "COMPLETE" and event["deployment"]["previous_state"] is None
    assert "canary-token" not in caplog.text


def test_retry_after_is_read_as_seconds_or_date() -> None:
    assert SOURCE["parse_retry_after"]("7") == 7
    assert SOURCE["parse_retry_after"]("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert SOURCE["parse_retry_after"]("Wed, 21 Oct 2099 07:28:00 GMT") == 21600
    assert SOURCE["parse_retry_after"]("soon") == SOURCE["parse_retry_after"]("") == 0
    assert SOURCE["refusal"](429, "").retry_after > 0


def test_the_certificate_is_verified_by_the_file_that_is_given(backend: Backend, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    backend._server.socket = context.wrap_socket(backend._server.socket, server_side=True)
    backend.script = [DONE]
    url = backend.url.replace("http://", "https://")

    assert follow(url, seconds=0.5) == []
    assert len(follow(url, ca_path=str(tmp_path / "ca.pem"))) == 1
    assert len(follow(url, verify_tls="false")) == 1
    with pytest.raises(ValueError, match="ca_path /no/such/file cannot be used"):
        follow(url, ca_path="/no/such/file")


def test_a_deployment_of_the_virtual_sums_is_followed_to_its_end(tmp_path: Path) -> None:
    with SumsProcess(db=tmp_path / "sums.db") as sums:
        deployment_id = deploy(sums)
        found = follow(sums.url, events=9, token=sums.token, deployments=[deployment_id], poll_interval=0.05)
    states_told = [event["deployment"]["state"] for event in found]
    assert states_told[-1] == "COMPLETE" and len(set(states_told)) == len(states_told)
    assert found[-1]["deployment"]["progress"] == 100


def deploy(sums: SumsProcess) -> str:
    """Begin an update of half a second."""
    vin = "1HGBH41JXMN109186"
    sums.set_vehicle(vin, update_seconds=0.5)
    ecus = [{"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "1.0.0"}]
    common = {"tester_name": "t", "program_name": "OTA_Test", "model_year": "2024", "vin": vin, "region": "US"}
    event = sums.api(
        "POST", "/events", {**common, "update_type": "UROM", "build_level": "2024.02.01", "ecus": ecus}
    ).json()
    event_id = str(event.get("event_id") or event["id"])
    sums.api("POST", f"/events/{event_id}/fix", {})
    deployment = sums.api("POST", "/deployments", {"event_id": event_id}).json()
    return str(deployment.get("deployment_id") or deployment["id"])


@pytest.mark.parametrize(
    "answer",
    [
        {"state": "success"},
        {"status": " complete "},
        {"state": "in_progress", "progress": 40},
        {"state": "FAILED", "reason": "a\nb", "progress": True},
        {"state": "FAILED", "error_message": {"code": 7}, "progress": 101},
        {"status": "Installing", "reason": "", "error_message": "x"},
    ],
)
def test_it_reads_an_answer_as_the_modules_do(answer: dict[str, t.Any]) -> None:
    assert SOURCE["find_state"](answer) == states.canonical(responses.find_state(answer))
    assert SOURCE["find_progress"](answer) == responses.find_progress(answer)
    assert SOURCE["find_reason"](answer) == responses.find_reason(answer)


def test_it_knows_the_same_final_states_as_the_modules() -> None:
    assert (SOURCE["SUCCESS"], SOURCE["FAILURE"]) == (states.SUCCESS, states.FAILURE)


@pytest.mark.parametrize("role", ["hatci_wait_for_update", "hatci_ota_test"])
def test_its_end_states_are_by_default_those_of_the_roles(role: str) -> None:
    defaults = yaml.safe_load((Path(__file__).parents[3] / f"roles/{role}/defaults/main.yml").read_text())
    for name in ("success_states", "failure_states"):
        assert SOURCE["OPTIONS"][name] == defaults[f"hatci_{name}"]


def test_its_documentation_names_every_option_and_default() -> None:
    documented = yaml.safe_load(SOURCE["DOCUMENTATION"])["options"]
    assert set(documented) == set(SOURCE["OPTIONS"])
    told = {name: option["default"] for name, option in documented.items() if "default" in option}
    for name in told.keys() - {"verify_tls"}:  # of the environment, so a text
        assert told[name] == SOURCE["OPTIONS"][name]
    assert {name for name, value in SOURCE["OPTIONS"].items() if value and name not in told} == set()


def test_its_example_runs(backend: Backend, tmp_path: Path) -> None:
    (example,) = yaml.safe_load(SOURCE["EXAMPLES"])
    ((name, options),) = example.items()
    assert name == "hatci.automation.sums_deployments"
    (tmp_path / "token").write_text("canary-token\n")
    backend.script = [Reply(body=b'{"state": "COMPLETE"}')]
    here = {"token_file": str(tmp_path / "token"), "state_file": str(tmp_path / "state")}
    assert here.keys() <= options.keys()

    async def run() -> list[dict[str, t.Any]]:
        queue: asyncio.Queue[dict[str, t.Any]] = asyncio.Queue()
        args = {**options, **here, "base_url": backend.url, "poll_interval": 0.1}
        running = asyncio.create_task(SOURCE["main"](queue, args))
        async with asyncio.timeout(60):
            events = [await queue.get() for _one in options["deployments"]]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return events

    told = [event["deployment"] for event in asyncio.run(run())]
    assert [(one["deployment_id"], one["vin"]) for one in told] == [
        ("dep-000001", ""),
        ("dep-000002", "1HGBH41JXMN109186"),
    ]
    assert len((tmp_path / "state").read_text().splitlines()) == 2


AT = "/api/v1/test_events/te%2F1"
LOOKS = [("GET", AT, b""), ("PATCH", AT, b"{}")]
EVENT = ("GET", "/api/v1/events/ev-2", b"")
LINK = ("PATCH", AT, b'{"event_id": "ev-2"}')
REFUSED = [Reply(status=405), Reply(status=400)]
OPEN = Reply(body=b'{"test_event_id": "te/1", "status": "RUNNING", "vin": "v"}')
OF_ANOTHER = Reply(body=b'{"test_event_id": "te/1", "status": "RUNNING", "vin": "W"}')
DONE_OF_NO_EVENT = Reply(body=b'{"deployment_id": "dep/1", "state": "SUCCESS", "vin": "V", "event_id": ".."}')
NO_VIN = Reply(body=b'{"deployment_id": "dep/1", "state": "SUCCESS"}')


def event_reply(**more: str) -> Reply:
    """Return how SUMS shows the event that was tested."""
    return Reply(body=json.dumps({"event_id": "ev-2", **more}).encode())


def look_at_test(
    backend: Backend, state_file: Path, **given: t.Any
) -> tuple[list[dict[str, t.Any]], list[tuple[str, str, bytes]]]:
    """Watch a deployment until its test was looked at; return the events and what was asked about the test."""
    events: list[dict[str, t.Any]] = []

    async def run() -> None:
        queue: asyncio.Queue[dict[str, t.Any]] = asyncio.Queue()
        test = {"deployment_id": "dep/1", "test_event_id": "te/1", "target_event_id": "ev-2", **given}
        args = {"base_url": backend.url, "token": "t", "poll_interval": 0.05, "unfinished_after": 0.05}
        given_here = {"deployments": [test], "state_file": str(state_file)}
        running = asyncio.create_task(SOURCE["main"](queue, {**args, **given_here}))
        async with asyncio.timeout(60):
            events.append(await queue.get())
            while not ('is_finished": true' in state_file.read_text() or not queue.empty()):
                assert not running.done(), running.result()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        while not queue.empty():
            events.append(queue.get_nowait())

    asyncio.run(run())
    return events, [(seen.method, seen.path, seen.body) for seen in backend.seen[1:]]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([OPEN], LOOKS[:1]),
        ([Reply(status=405), OPEN], LOOKS),
        ([*REFUSED, event_reply(vin="v"), OPEN], [*LOOKS, EVENT, LINK]),
    ],
)
def test_a_test_event_is_looked_at_by_what_sums_has_a_call_for(
    backend: Backend, tmp_path: Path, answers: list[Reply], expected: list[tuple[str, str, bytes]]
) -> None:
    backend.script = [DONE, *answers]
    (_end, again), asked = look_at_test(backend, tmp_path / "state")
    assert asked[: len(expected)] == expected
    assert "unfinished_for" in again["deployment"]


@pytest.mark.parametrize(
    ("answers", "given", "expected"),
    [
        ([DONE, OF_ANOTHER], {}, LOOKS[:1]),
        ([DONE, Reply(status=405), OF_ANOTHER], {}, LOOKS),
        ([DONE, *REFUSED], {"target_event_id": None}, LOOKS),
        ([DONE, *REFUSED, event_reply(vin="W")], {}, [*LOOKS, EVENT]),
        ([DONE, *REFUSED, event_reply()], {}, [*LOOKS, EVENT]),
        ([DONE, *REFUSED, Reply(body=b'{"event_id": "ev-3", "vin": "V"}')], {}, [*LOOKS, EVENT]),
        ([DONE, *REFUSED, Reply(status=404)], {}, [*LOOKS, EVENT]),
        ([NO_VIN, *REFUSED, event_reply(vin="V")], {}, [*LOOKS, EVENT]),
        ([DONE, *REFUSED, event_reply(vin="V")], {"vin": "U"}, [*LOOKS, EVENT]),
        ([DONE_OF_NO_EVENT, *REFUSED], {"target_event_id": None}, LOOKS),
        ([DONE, *REFUSED, event_reply(vin="V"), OF_ANOTHER], {}, [*LOOKS, EVENT, LINK]),
    ],
    ids=[
        "read, of another vehicle",
        "unchanged, of another vehicle",
        "no event known",
        "event of another vehicle",
        "event of nobody",
        "another event",
        "no such event",
        "vehicle unknown",
        "another vehicle given",
        "event without an id that can be asked for",
        "linked, of another vehicle",
    ],
)
def test_a_test_event_is_not_changed_that_may_be_of_another_vehicle(
    backend: Backend,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    answers: list[Reply],
    given: dict[str, t.Any],
    expected: list[tuple[str, str, bytes]],
) -> None:
    backend.script = answers
    events, asked = look_at_test(backend, tmp_path / "state", **given)
    assert asked == expected
    assert len(events) == 1, "its end is not told again"
    assert "The test event of deployment dep/1 cannot be looked at: " in caplog.text


def test_while_sums_does_not_show_the_event_a_test_event_is_looked_at_later(backend: Backend, tmp_path: Path) -> None:
    away = Reply(status=503)
    backend.script = [DONE, *REFUSED, away, *REFUSED, event_reply(vin="V"), OPEN]
    (_end, again), asked = look_at_test(backend, tmp_path / "state")
    assert asked[:7] == [*LOOKS, EVENT, *LOOKS, EVENT, LINK]
    assert "unfinished_for" in again["deployment"]
