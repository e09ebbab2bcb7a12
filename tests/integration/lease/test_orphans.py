# SPDX-License-Identifier: GPL-3.0-or-later
"""The reaper: leases whose job is over go back, all others stay."""

from __future__ import annotations

import datetime
import http.server
import json
import threading
import typing as t
from collections.abc import Callable, Iterator

import pytest
from lease_support import REAPER, ControllerDevice, Play, StartPlay, api_of

from hatci_lab.controller.process import ControllerProcess

Reap = Callable[..., Play]


@pytest.fixture
def reap(leased: ControllerDevice, run: StartPlay) -> Reap:
    """Run the reaper as its playbook."""

    def reap_with(*arguments: str, env: dict[str, str] | None = None, **variables: t.Any) -> Play:
        config = {"jumpstarter_client_config": str(leased.controller.client_config("alice"))}
        given = {f"release_orphaned_leases_{name}": value for name, value in variables.items()}
        return run(REAPER, arguments=arguments, variables={**config, **given}, env=env)

    return reap_with


def make(controller: ControllerProcess, name: str, exporter: str, client: str = "alice", job: str | None = None) -> str:
    """Lease an exporter as a play does."""
    tags = {} if job is None else {"hatci-job": job, "hatci-host": "car"}
    api_of(controller, client).create_lease(
        exporter_name=exporter, duration=datetime.timedelta(hours=1), lease_id=name, tags=tags
    )
    controller.wait_until(lambda: controller.lease(name)["state"] in ("Ready", "Pending"))
    return name


def state(controller: ControllerProcess, name: str) -> str:
    """Return how a lease stands."""
    return str(controller.lease(name)["state"])


def test_only_leases_of_jobs_that_are_over_are_released(controller: ControllerProcess, reap: Reap) -> None:
    over = make(controller, "hatci-41-car-00000001", "sim1", job="41")
    queued = make(controller, "hatci-42-car-00000002", "sim1", job="42")
    lives = make(controller, "hatci-43-car-00000003", "sim2", job="43")
    foreign = make(controller, "hatci-44-car-00000004", "sim3", client="bob", job="44")
    by_hand = make(controller, "somebody-at-work", "sim3")
    first = reap("--check", running_jobs=["43"], min_age_seconds=0)
    assert first.process.returncode == 0, first.output
    found = first.result("Release orphaned leases")
    assert {lease["lease_name"] for lease in found["orphans"]} == {over, queued}
    assert [lease["lease_name"] for lease in found["others"]] == [foreign]
    assert found["changed"] and found["released"] == [] and state(controller, over) == "Ready"

    second = reap(running_jobs=["43"], min_age_seconds=0)
    assert second.process.returncode == 0, second.output
    assert sorted(second.result("Release orphaned leases")["released"]) == [over, queued]
    assert "job 44 is over, belongs to another client and was left alone" in second.output
    states = [state(controller, name) for name in (over, lives, foreign)]
    assert states == ["Released", "Ready", "Ready"]
    assert state(controller, queued) not in ("Ready", "Pending") and state(controller, by_hand) == "Pending"


def test_without_knowing_the_jobs_only_the_age_counts(controller: ControllerProcess, reap: Reap) -> None:
    name = make(controller, "hatci-manual-car-00000005", "sim1", job="manual")
    old_jmp = make(controller, "hatci-77-car-00000006", "sim2")
    assert reap().result("Release orphaned leases")["orphans"] == []
    play = reap(max_age_seconds=0.5)
    found = play.result("Release orphaned leases")
    assert sorted(found["released"]) == sorted([name, old_jmp]), play.output
    assert {lease["reason"] for lease in found["orphans"]} == {"older than 0.5 s"}


class _Aap(http.server.BaseHTTPRequestHandler):
    jobs: t.ClassVar[list[int]] = []
    status = 200

    def do_GET(self) -> None:
        page = {"results": [{"id": job} for job in self.jobs], "next": None}
        allowed = self.headers["Authorization"] == "Bearer aap-token"
        known = self.path.startswith("/api/controller/v2/")
        self.send_response(self.status if known and allowed else 404 if allowed else 401)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def aap() -> Iterator[tuple[type[_Aap], str]]:
    """Serve the list of running jobs as AAP does behind its gateway."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Aap)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield _Aap, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_aap_is_asked_and_where_it_does_not_answer_nothing_is_released(
    controller: ControllerProcess, reap: Reap, aap: tuple[type[_Aap], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = make(controller, "hatci-41-car-00000007", "sim1", job="41")
    lives = make(controller, "hatci-43-car-00000008", "sim2", job="43")
    handler, url = aap
    monkeypatch.setattr(handler, "jobs", [43])
    good = {"CONTROLLER_HOST": url, "CONTROLLER_OAUTH_TOKEN": "aap-token"}

    bad = reap(env={**good, "CONTROLLER_OAUTH_TOKEN": "wrong"}, min_age_seconds=0)
    assert bad.process.returncode == 2
    assert "AAP answered 401; check CONTROLLER_OAUTH_TOKEN. No lease was released." in bad.output
    assert "wrong" not in bad.output and state(controller, over) == "Ready"

    young = reap(env=good, min_age_seconds=600)
    assert young.result("Release orphaned leases")["orphans"] == []

    play = reap(env=good, min_age_seconds=0)
    assert play.result("Release orphaned leases")["released"] == [over], play.output
    assert state(controller, lives) == "Ready" and "aap-token" not in play.output


def test_a_release_that_fails_is_visible(controller: ControllerProcess, reap: Reap) -> None:
    make(controller, "hatci-41-car-00000009", "sim1", job="41")
    controller.fault("unavailable", methods=["DeleteLease"], message="out of order")
    play = reap(running_jobs=[], min_age_seconds=0)
    assert play.process.returncode == 2
    assert "1 of 1 orphaned leases could not be released: hatci-41-car-00000009" in play.output
