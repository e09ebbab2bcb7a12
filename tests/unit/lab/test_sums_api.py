# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire contract, spoken to a running simulator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sums_support import EVENT

from hatci_lab.sums.process import SumsProcess

VIN = "1HGBH41JXMN109186"
BAD_VIN = "FA1LBH41JXMN10918"
OLD = {"ecu_name": "Gateway", "part_number": "GW-2024-001", "sw_version": "1.0.0"}
NEW = {**OLD, "sw_version": "2.0.0"}
TEST_EVENT = {"vin": VIN, "event_id": "pending", "ansible_job_id": "1", "git_sha": "abc", "suite_name": "smoke"}
DEADLINE = 30


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SumsProcess]:
    with SumsProcess(db=tmp_path_factory.mktemp("sums") / "sums.db", update_seconds=0.2) as running:
        yield running


@pytest.fixture
def sums(process: SumsProcess) -> SumsProcess:
    process.reset()
    return process


def created(sums: SumsProcess, **changes: Any) -> str:
    answer = sums.api("POST", "/events", {**EVENT, **changes})
    assert answer.status_code == 201, answer.text
    event_id: str = answer.json()["event_id"]
    return event_id


def fixed(sums: SumsProcess, **changes: Any) -> str:
    event_id = created(sums, **changes)
    assert sums.api("POST", f"/events/{event_id}/fix", {}).json()["fixed"] is True
    return event_id


def deployed(sums: SumsProcess, event_id: str, **changes: Any) -> str:
    answer = sums.api("POST", "/deployments", {"event_id": event_id, **changes})
    assert answer.status_code == 201, answer.text
    deployment_id: str = answer.json()["deployment_id"]
    return deployment_id


def awaited(sums: SumsProcess, deployment_id: str, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    give_up = time.monotonic() + DEADLINE
    while time.monotonic() < give_up:
        deployment: dict[str, Any] = sums.api("GET", f"/deployments/{deployment_id}").json()
        if done(deployment):
            return deployment
    raise AssertionError(f"never came: {deployment}")


def test_health_needs_the_token(sums: SumsProcess) -> None:
    assert sums.api("GET", "/health").status_code == 200
    for wrong in ("", "Bearer", "Bearer no", f"Basic {sums.token}", sums.token):
        answer = sums.api("GET", "/health", headers={"Authorization": wrong})
        assert (answer.status_code, "token" in answer.json()["error"]) == (401, True)


def test_an_event_is_created_read_and_fixed_once(sums: SumsProcess) -> None:
    event_id = created(sums, remark="nightly")

    assert event_id == "ev-000001"
    assert sums.api("GET", f"/events/{event_id}").json() | {**EVENT, "remark": "nightly", "fixed": False} == (
        sums.api("GET", f"/events/{event_id}").json()
    )
    assert sums.api("POST", f"/events/{event_id}/fix", {}).json()["state"] == "FIXED"
    again = sums.api("POST", f"/events/{event_id}/fix", {})
    assert (again.status_code, "already fixed" in again.json()["error"]) == (409, True)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/events", {**EVENT, "ecus": []}, "ecus"),
        ("/events", {**EVENT, "ecus": [{**NEW, "part_number": ""}]}, "part_number"),
        ("/events", {**EVENT, "ecus": [{"ecu_name": "Gateway", "sw_version": "1"}]}, "part_number"),
        ("/events", {**EVENT, "update_type": "ROM"}, "update_type"),
        ("/events", {**EVENT, "model_year": 2024}, "model_year"),
        ("/events", {**EVENT, "vin": ""}, "vin"),
        ("/events", {**EVENT, "remark": None}, "remark"),
        ("/events", {**EVENT, "remarks": "x"}, "remarks"),
        ("/events", {name: value for name, value in EVENT.items() if name != "region"}, "region"),
        ("/events", [], "body"),
        ("/deployments", {"event_id": "ev-000001", "deployment_count": "1"}, "deployment_count"),
        ("/deployments", {"event_id": "ev-000001", "deployment_count": 0}, "deployment_count"),
        ("/deployments", {"event_id": "ev-000001", "start_datetime": "tomorrow"}, "start_datetime"),
        (
            "/deployments",
            {"event_id": "ev-000001", "start_datetime": "2030-01-02T00:00:00Z", "end_datetime": "2030-01-01T00:00:00"},
            "end_datetime",
        ),
        ("/test_events", {**TEST_EVENT, "git_sha": ""}, "git_sha"),
        ("/test_events", {**TEST_EVENT, "metadata": "text"}, "metadata"),
    ],
)
def test_wrong_input_is_refused_by_name_and_leaves_nothing(sums: SumsProcess, path: str, body: Any, named: str) -> None:
    answer = sums.api("POST", path, body)

    assert (answer.status_code, named in answer.json()["error"]) == (422, True), answer.text
    assert not any(sums.state().values())


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', '{"a": 1e999}', "\xff", "[" * 100_000])
def test_a_body_that_is_not_json_is_refused(sums: SumsProcess, text: str) -> None:
    answer = sums.api("POST", "/events", data=text.encode("latin-1"), headers={"Content-Type": "application/json"})

    assert (answer.status_code, "JSON" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/events/ev-000009", None),
        ("GET", "/events/..%2F..%2Fhealth", None),
        ("POST", "/events/ev-000009/fix", {}),
        ("POST", "/deployments", {"event_id": "ev-000009"}),
        ("GET", "/deployments/deploy-000009", None),
        ("PATCH", "/test_events/te-000009", {"status": "PASS"}),
        ("GET", "/nothing", None),
    ],
)
def test_an_unknown_id_is_404_with_a_reason(sums: SumsProcess, method: str, path: str, body: Any) -> None:
    answer = sums.api(method, path, body)

    assert (answer.status_code, bool(answer.json()["error"])) == (404, True)


def test_test_events_cannot_be_read_back(sums: SumsProcess) -> None:
    test_event_id = sums.api("POST", "/test_events", TEST_EVENT).json()["test_event_id"]

    assert sums.api("GET", f"/test_events/{test_event_id}").status_code == 405


def test_an_event_that_is_not_fixed_is_not_deployed(sums: SumsProcess) -> None:
    answer = sums.api("POST", "/deployments", {"event_id": created(sums)})

    assert (answer.status_code, "not fixed" in answer.json()["error"]) == (409, True)
    assert sums.state()["deployments"] == []


def test_a_deployment_brings_the_vehicle_from_source_to_target(sums: SumsProcess) -> None:
    fixed(sums, update_type="RROM", ecus=[OLD])
    target = fixed(sums)
    assert sums.vehicle(VIN)["ecus"] == [OLD]

    final = awaited(sums, deployed(sums, target), lambda one: one["state"] == "COMPLETE")

    assert final["progress"] == 100
    assert "reason" not in final
    times = [datetime.fromisoformat(final["timestamps"][name]) for name in ("created_at", "started_at", "finished_at")]
    assert times == sorted(times)
    vehicle = sums.vehicle(VIN)
    assert vehicle["ecus"] == [NEW]
    assert [entry["ecus"] for entry in vehicle["history"]] == [[OLD], [NEW]]


def test_a_failing_vehicle_gives_its_reason_and_keeps_its_versions(sums: SumsProcess) -> None:
    created(sums, vin=BAD_VIN, update_type="RROM", ecus=[OLD])
    deployment = deployed(sums, fixed(sums, vin=BAD_VIN))

    final = awaited(sums, deployment, lambda one: "finished_at" in one["timestamps"])

    assert (final["state"], "signature mismatch" in final["reason"]) == ("FAILED", True)
    assert sums.vehicle(BAD_VIN)["ecus"] == [OLD]


def test_a_vehicle_can_be_told_how_its_updates_end(sums: SumsProcess) -> None:
    sums.set_vehicle(VIN, outcome="CANCELLED", reason="recall", update_seconds=0)

    final = awaited(sums, deployed(sums, fixed(sums)), lambda one: one["state"] == "CANCELLED")

    assert final["reason"] == "recall"


def test_a_vehicle_can_walk_through_states_of_its_own(sums: SumsProcess) -> None:
    sums.set_vehicle(VIN, states=[["FLASHING", 0.3], ["completed", 0]])
    deployment = deployed(sums, fixed(sums))

    assert sums.api("GET", f"/deployments/{deployment}").json()["state"] == "FLASHING"
    awaited(sums, deployment, lambda one: one["state"] == "completed")
    assert sums.vehicle(VIN)["ecus"] == [NEW]


def test_a_later_start_keeps_the_deployment_scheduled(sums: SumsProcess) -> None:
    start = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    deployment = deployed(sums, fixed(sums), start_datetime=start)

    found = awaited(sums, deployment, lambda one: one["state"] == "SCHEDULED")
    assert (found["start_datetime"], found["progress"]) == (start, 0)


def test_a_test_event_runs_and_is_patched(sums: SumsProcess) -> None:
    made = sums.api("POST", "/test_events", {**TEST_EVENT, "metadata": {"bench": "7", "run": 1}}).json()
    assert (made["status"], made["event_id"]) == ("RUNNING", "pending")
    path = f"/test_events/{made['test_event_id']}"
    first: dict[str, Any] = {"event_id": "ev-000001"}
    last = {"status": "PASS", "summary": "ok", "artifact_urls": ["https://a/1"], "metadata": {"run": 2}}

    sums.api("PATCH", path, first)
    patched = sums.api("PATCH", path, last).json()

    assert (patched["status"], patched["event_id"], patched["summary"]) == ("PASS", "ev-000001", "ok")
    assert patched["metadata"] == {"bench": "7", "run": 2}
    assert [one["history"] for one in sums.state()["test_events"]] == [[first, last]]
    assert [sums.api("PATCH", path, body).status_code for body in ({"status": "OK"}, {}, {"state": "PASS"})] == [
        422
    ] * 3


def test_the_same_idempotency_key_makes_one_record(sums: SumsProcess) -> None:
    one, two = {"Idempotency-Key": "a"}, {"Idempotency-Key": "b"}

    answers = [sums.api("POST", "/events", EVENT, headers=key) for key in (one, one, two)]

    assert [answer.json()["event_id"] for answer in answers] == ["ev-000001", "ev-000001", "ev-000002"]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert [entry["committed"] for entry in sums.requests()] == [True, False, True]
    fixes = [sums.api("POST", "/events/ev-000001/fix", {}, headers=one) for _unused in range(2)]
    assert [fix.status_code for fix in fixes] == [200, 200]


def test_a_refused_post_does_not_use_its_key_up(sums: SumsProcess) -> None:
    key = {"Idempotency-Key": "k"}
    event_id = created(sums)
    body = {"event_id": event_id}
    assert sums.api("POST", "/deployments", body, headers=key).status_code == 409
    sums.api("POST", f"/events/{event_id}/fix", {})

    assert sums.api("POST", "/deployments", body, headers=key).status_code == 201


def test_vehicles_come_in_pages(sums: SumsProcess) -> None:
    for number in range(5):
        sums.set_vehicle(f"VIN{number}", id=f"v{number}", region="US")

    answer = sums.api("GET", "/vehicles?page_size=2")
    vins = [one["vin"] for one in answer.json()["vehicles"]]
    while following := answer.json()["next"]:
        assert f'<{following}>; rel="next"' == answer.headers["Link"]
        answer = sums.api("GET", following.removeprefix(f"{sums.url}/api/v1"))
        vins += [one["vin"] for one in answer.json()["vehicles"]]

    assert vins == [f"VIN{number}" for number in range(5)]
    assert "Link" not in answer.headers


def test_vehicles_are_known_from_events(sums: SumsProcess) -> None:
    created(sums)

    (vehicle,) = sums.api("GET", "/vehicles").json()["vehicles"]

    assert vehicle == {
        "vin": VIN,
        "id": "veh-000001",
        "program_name": "OTA_Test_Program",
        "model_year": "2024",
        "region": "US",
    }


def test_the_request_log_tells_all_but_the_token(sums: SumsProcess) -> None:
    sums.api("POST", "/events?x=1", EVENT)
    sums.api("GET", "/health", headers={"Authorization": "Bearer other"})

    post, get = sums.requests()

    assert (post["method"], post["path"], post["call"], post["query"]) == ("POST", "/api/v1/events", "/events", "x=1")
    assert (post["body"], post["status"], post["committed"], post["authorized"]) == (EVENT, 201, True, True)
    assert (get["status"], get["committed"], get["authorized"]) == (401, False, False)
    assert post["authorization_sha256"] != get["authorization_sha256"]
    assert sums.token not in str(sums.requests())
    assert get["seq"] == post["seq"] + 1


def test_records_outlive_a_crash(tmp_path: Path) -> None:
    sums = SumsProcess(db=tmp_path / "sums.db", update_seconds=0)
    with sums:
        event_id = fixed(sums)
        deployment = deployed(sums, event_id)
        sums.api("POST", "/test_events", TEST_EVENT, headers={"Idempotency-Key": "k"})
        url = sums.url
        sums.kill()

        sums.start()

        assert sums.url == url
        assert sums.api("GET", f"/events/{event_id}").json()["fixed"] is True
        assert sums.api("GET", f"/deployments/{deployment}").json()["state"] == "COMPLETE"
        assert sums.vehicle(VIN)["ecus"] == [NEW]
        sums.api("POST", "/test_events", TEST_EVENT, headers={"Idempotency-Key": "k"})
        assert len(sums.state()["test_events"]) == 1
