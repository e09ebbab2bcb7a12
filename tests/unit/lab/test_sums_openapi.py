# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAPI document says what the simulator does, and covers the wire contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import Case, GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from hatci_lab.sums.process import SumsProcess

CONTRACT = {
    ("get", "/api/v1/health"),
    ("get", "/api/v1/vehicles"),
    ("post", "/api/v1/events"),
    ("get", "/api/v1/events/{event_id}"),
    ("post", "/api/v1/events/{event_id}/fix"),
    ("post", "/api/v1/deployments"),
    ("get", "/api/v1/deployments/{deployment_id}"),
    ("post", "/api/v1/test_events"),
    ("patch", "/api/v1/test_events/{test_event_id}"),
}
TAKES_INPUT = sorted(CONTRACT - {("get", "/api/v1/health")})
INPUTS = [(*call, GenerationMode.POSITIVE) for call in sorted(CONTRACT)]
INPUTS += [(*call, GenerationMode.NEGATIVE) for call in TAKES_INPUT]
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.ignored_auth,
]


KNOWN = {"event_id": "ev-000001", "deployment_id": "deploy-000001", "test_event_id": "te-000001"}


def seed(sums: SumsProcess) -> None:
    """Have something under the known ids: a fixed event, its deployment, a test event."""
    sums.reset()
    event = {"tester_name": "t", "program_name": "p", "model_year": "2024", "vin": "V", "update_type": "UROM"}
    ecus = [{"ecu_name": "Gateway", "part_number": "1", "sw_version": "1"}]
    run = {"vin": "V", "event_id": "pending", "ansible_job_id": "1", "git_sha": "a", "suite_name": "s"}
    for path, body in (
        ("/events", {**event, "region": "US", "build_level": "1", "ecus": ecus}),
        ("/events/ev-000001/fix", {}),
        ("/deployments", {"event_id": "ev-000001"}),
        ("/test_events", run),
    ):
        assert sums.api("POST", path, body).ok


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SumsProcess]:
    with SumsProcess(db=tmp_path_factory.mktemp("sums") / "sums.db", update_seconds=0) as running:
        yield running


def test_every_call_of_the_contract_is_described_and_no_other(sums: SumsProcess) -> None:
    paths = requests.get(f"{sums.url}/openapi.json", timeout=5).json()["paths"]

    assert {(method, path) for path, calls in paths.items() for method in calls} == CONTRACT


@pytest.mark.parametrize(("method", "path", "mode"), INPUTS)
def test_no_input_breaks_a_call_or_its_description(
    sums: SumsProcess, method: str, path: str, mode: GenerationMode
) -> None:
    seed(sums)
    operation = schemathesis.openapi.from_url(f"{sums.url}/openapi.json")[path][method]
    authorization = {"Authorization": f"Bearer {sums.token}"}

    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), existing=strategies.booleans())
    def hit(case: Case, existing: bool) -> None:
        if existing:
            case.path_parameters.update({name: KNOWN[name] for name in case.path_parameters if name in KNOWN})
        case.call_and_validate(headers=authorization, checks=CHECKS)

    hit()
