# SPDX-License-Identifier: GPL-3.0-or-later
"""What SUMS does: events are created and fixed, fixed events are deployed, vehicles change, test runs are recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hatci_lab.sums import states
from hatci_lab.sums.models import parse_time
from hatci_lab.sums.store import Record, Store

VEHICLE_FIELDS = ("id", "program_name", "model_year", "region")


class Refusal(Exception):
    """A request the backend turns down, with the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def iso(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def fails_by_default(vin: str) -> bool:
    return vin.startswith("FA1L") or vin.endswith("FAIL0")


def _merge_ecus(installed: list[Record], new: list[Record]) -> list[Record]:
    by_name = {ecu["ecu_name"]: ecu for ecu in installed}
    by_name.update({ecu["ecu_name"]: ecu for ecu in new})
    return list(by_name.values())


class Backend:
    """The rules of SUMS over a store. `update_seconds` is how long a deployment takes, `clock` gives epoch seconds."""

    def __init__(self, store: Store, update_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self._update_seconds = update_seconds
        self._clock = clock
        self._open: dict[str, set[str]] = {}
        for key, deployment in store.all("deployments").items():
            if not deployment["settled"]:
                self._open.setdefault(deployment["vin"], set()).add(key)

    def clear(self) -> None:
        self.store.clear()
        self._open.clear()

    # Vehicles

    def vehicle(self, vin: str) -> Record:
        """The vehicle with its installed ECUs up to date; an unknown VIN becomes a vehicle without ECUs."""
        self._settle(vin)
        found = self.store.get("vehicles", vin)
        if found is None:
            found = {"vin": vin, "id": self.store.next_id("vehicles"), "ecus": [], "history": []}
            self.store.save("vehicles", vin, found)
        return found

    def configure_vehicle(self, vin: str, config: dict[str, Any]) -> Record:
        vehicle = dict(self.vehicle(vin))
        vehicle.update({name: value for name, value in config.items() if name != "ecus"})
        if "ecus" in config:
            vehicle = self._installed(vehicle, config["ecus"], source="lab", replace=True)
        self.store.save("vehicles", vin, vehicle)
        return vehicle

    def vehicles(self) -> list[Record]:
        """The vehicles as the wire shows them, in the order they became known."""
        return [
            {"vin": vin, **{name: vehicle.get(name) for name in VEHICLE_FIELDS}}
            for vin, vehicle in self.store.all("vehicles").items()
        ]

    def _installed(self, vehicle: Record, ecus: list[Record], source: str, replace: bool = False) -> Record:
        now = ecus if replace else _merge_ecus(vehicle["ecus"], ecus)
        entry = {"time": iso(self._clock()), "source": source, "ecus": now}
        return {**vehicle, "ecus": now, "history": [*vehicle["history"], entry]}

    # Events

    def create_event(self, body: Record) -> Record:
        event_id = self.store.next_id("events")
        event = {
            "event_id": event_id,
            **body,
            "state": "CREATED",
            "fixed": False,
            "created_at": iso(self._clock()),
        }
        self.store.save("events", event_id, event)
        vehicle = self.vehicle(body["vin"])
        known = {name: vehicle.get(name) or body.get(name) for name in VEHICLE_FIELDS}
        vehicle = {**vehicle, **known}
        if body["update_type"] == "RROM":
            vehicle = self._installed(vehicle, body["ecus"], source=event_id)
        self.store.save("vehicles", body["vin"], vehicle)
        return event

    def event(self, event_id: str) -> Record:
        found = self.store.get("events", event_id)
        if found is None:
            raise Refusal(404, f"no event has the id {event_id!r}")
        return found

    def fix_event(self, event_id: str) -> Record:
        event = self.event(event_id)
        if event["fixed"]:
            raise Refusal(409, f"event {event_id} is already fixed")
        event = {**event, "state": "FIXED", "fixed": True}
        self.store.save("events", event_id, event)
        return event

    # Deployments

    def create_deployment(self, body: Record) -> Record:
        event = self.event(body["event_id"])
        if not event["fixed"]:
            raise Refusal(409, f"event {event['event_id']} is not fixed; fix it before it is deployed")
        now = self._clock()
        vehicle = self.vehicle(event["vin"])
        deployment_id = self.store.next_id("deployments")
        window: Record = {name: body[name] for name in ("start_datetime", "end_datetime") if name in body}
        deployment = {
            "deployment_id": deployment_id,
            "event_id": event["event_id"],
            "vin": event["vin"],
            "deployment_count": body.get("deployment_count", 1),
            **window,
            "created": now,
            **self._walk(vehicle, body, now),
            "settled": False,
        }
        self.store.save("deployments", deployment_id, deployment)
        self._open.setdefault(event["vin"], set()).add(deployment_id)
        return self._shown(deployment)

    def _walk(self, vehicle: Record, body: Record, now: float) -> Record:
        default: states.Outcome = "FAILED" if fails_by_default(vehicle["vin"]) else "COMPLETE"
        outcome: states.Outcome = vehicle.get("outcome", default)
        steps: list[states.Step]
        if vehicle.get("states"):
            steps = list(vehicle["states"])
        else:
            start = parse_time(body["start_datetime"]).timestamp() if "start_datetime" in body else now
            steps = states.plan(outcome, vehicle.get("update_seconds", self._update_seconds), start - now)
        last = steps[-1][0].upper()
        return {
            "steps": steps,
            "reached": states.reached(last),
            "reason": (vehicle.get("reason") or states.REASONS.get(last)) if last in states.FAILURE else None,
        }

    def deployment(self, deployment_id: str) -> Record:
        found = self.store.get("deployments", deployment_id)
        if found is None:
            raise Refusal(404, f"no deployment has the id {deployment_id!r}")
        return self._shown(found)

    def open_deployments(self, vin: str) -> list[Record]:
        """Deployments of this vehicle that have not ended, oldest first, with what the vehicle needs to carry them out.

        `due`: the walk came to where it ends; `ends` is how, with `planned_reason`.
        """
        self._settle(vin)
        found = [self.store.all("deployments")[key] for key in sorted(self._open.get(vin, ()))]
        return [
            {
                **self._shown(one),
                "ecus": self.event(one["event_id"])["ecus"],
                "held": one.get("held_at") is not None,
                "due": states.ends(one["steps"]) and self._elapsed(one) >= states.ends_after(one["steps"]),
                "ends": one["steps"][-1][0],
                "planned_reason": one["reason"],
            }
            for one in found
        ]

    def cancel_deployments(self, vin: str) -> list[str]:
        """The back office cancels whatever this vehicle has not ended; return the ids."""
        waiting = [one["deployment_id"] for one in self.open_deployments(vin)]
        for deployment_id in waiting:
            self.end_deployment(deployment_id, "CANCELLED", None)
        return waiting

    def hold_deployment(self, deployment_id: str, held: bool) -> Record:
        """Let a deployment stand still, as one does whose vehicle is not heard of, or go on from there."""
        deployment = self._unfinished(deployment_id)
        now = self._elapsed(deployment)
        if held:
            deployment = {**deployment, "held_at": now}
        else:
            stood = self._clock() - deployment["created"] - now
            deployment = {**deployment, "held_at": None, "stood": stood}
        self.store.save("deployments", deployment_id, deployment)
        return self._shown(deployment)

    def end_deployment(self, deployment_id: str, state: str, reason: str | None) -> Record:
        """End a deployment now, whatever was planned for it."""
        if state.upper() not in states.SUCCESS | states.FAILURE:
            raise Refusal(422, f"{state!r} does not end a deployment")
        deployment = self._unfinished(deployment_id)
        at = self._moment(deployment)
        finished = self._clock() - deployment["created"]
        progress = 100 if state.upper() in states.SUCCESS else at.progress
        if state.upper() in states.FAILURE:
            reason = reason or deployment["reason"] or states.REASONS.get(state.upper())
        deployment = {**deployment, "ended": [state, progress, at.started, finished], "reason": reason}
        self.store.save("deployments", deployment_id, deployment)
        self._settle(deployment["vin"])
        return self._shown(deployment)

    def _unfinished(self, deployment_id: str) -> Record:
        found = self.store.get("deployments", deployment_id)
        if found is None:
            raise Refusal(404, f"no deployment has the id {deployment_id!r}")
        if self._moment(found).finished is not None:
            raise Refusal(409, f"deployment {deployment_id} has ended")
        return found

    def _elapsed(self, deployment: Record) -> float:
        """Seconds that a deployment has moved, without those that it was held."""
        if deployment.get("held_at") is not None:
            return float(deployment["held_at"])
        return float(self._clock() - deployment["created"] - deployment.get("stood", 0.0))

    def _moment(self, deployment: Record) -> states.Moment:
        if "ended" in deployment:
            return states.Moment(*deployment["ended"])
        at = states.moment(deployment["steps"], deployment["reached"], self._elapsed(deployment))
        vehicle = self.store.get("vehicles", deployment["vin"]) or {}
        if at.finished is not None and vehicle.get("reports"):
            return states.just_before_the_end(deployment["steps"], deployment["reached"])
        return at

    def _shown(self, deployment: Record) -> Record:
        at = self._moment(deployment)
        if at.succeeded and not deployment["settled"]:
            with self.store.transaction():
                self._settle(deployment["vin"])
        begin = deployment["created"]
        times = {"created_at": begin, "started_at": at.started, "finished_at": at.finished}
        shown: Record = {
            name: deployment[name]
            for name in ("deployment_id", "event_id", "vin", "deployment_count", "start_datetime", "end_datetime")
            if name in deployment
        }
        shown.update(
            state=at.state,
            progress=at.progress,
            timestamps={
                name: iso(value if name == "created_at" else begin + value)
                for name, value in times.items()
                if value is not None
            },
        )
        if at.finished is not None and deployment["reason"]:
            shown["reason"] = deployment["reason"]
        return shown

    def _settle(self, vin: str) -> None:
        """Let deployments of this vehicle that have ended take effect, in the order they ended."""
        waiting = [self.store.all("deployments")[key] for key in self._open.get(vin, ())]
        for deployment in sorted(waiting, key=lambda one: one["created"] + states.ends_after(one["steps"])):
            at = self._moment(deployment)
            if at.finished is None:
                continue
            key = deployment["deployment_id"]
            self._open[vin].discard(key)
            self.store.save("deployments", key, {**deployment, "settled": True})
            if at.succeeded:
                ecus = self.event(deployment["event_id"])["ecus"]
                vehicle = self._installed(self.store.all("vehicles")[vin], ecus, source=key)
                self.store.save("vehicles", vin, vehicle)

    # Test events

    def create_test_event(self, body: Record) -> Record:
        self.vehicle(body["vin"])
        key = self.store.next_id("test_events")
        now = iso(self._clock())
        record = {"test_event_id": key, **body, "status": "RUNNING", "created_at": now, "updated_at": now}
        self.store.save("test_events", key, {**record, "history": []})
        return record

    def update_test_event(self, test_event_id: str, change: Record) -> Record:
        found = self.store.get("test_events", test_event_id)
        if found is None:
            raise Refusal(404, f"no test event has the id {test_event_id!r}")
        merged = {**found, **change, "updated_at": iso(self._clock()), "history": [*found["history"], change]}
        if "metadata" in change:
            merged["metadata"] = {**found.get("metadata", {}), **change["metadata"]}
        self.store.save("test_events", test_event_id, merged)
        return {name: value for name, value in merged.items() if name != "history"}

    def snapshot(self) -> dict[str, list[Record]]:
        """Everything the backend holds, as the lab's admin API shows it."""
        deployments = [self._shown(one) for one in list(self.store.all("deployments").values())]
        return {
            "events": list(self.store.all("events").values()),
            "deployments": deployments,
            "test_events": list(self.store.all("test_events").values()),
            "vehicles": list(self.store.all("vehicles").values()),
        }
