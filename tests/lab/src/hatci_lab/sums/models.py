# SPDX-License-Identifier: GPL-3.0-or-later
"""What the wire carries: request bodies as the backend accepts them, answers as it gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 date and time; without an offset it is UTC.

    Raises ValueError when the text is something else.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _check_time(text: str) -> str:
    parse_time(text)
    return text


Text = Annotated[str, Field(min_length=1)]
Absent = SkipJsonSchema[None]
IsoTime = Annotated[str, AfterValidator(_check_time), Field(json_schema_extra={"format": "date-time"})]


class Body(BaseModel):
    """A request body: no unknown fields, no coercion, no nulls."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict):
            nulls = sorted(str(name) for name, value in data.items() if value is None)
            if nulls:
                raise ValueError(f"null is not a value, leave the field out: {', '.join(nulls)}")
        return data

    def given(self) -> dict[str, Any]:
        """The fields the request carried, as plain JSON values."""
        return self.model_dump(exclude_unset=True)


class Ecu(Body):
    ecu_name: Text
    part_number: Text
    sw_version: Text


class EventBody(Body):
    tester_name: Text
    program_name: Text
    model_year: Text
    vin: Text
    update_type: Literal["RROM", "UROM"]
    region: Text
    build_level: Text
    ecus: Annotated[list[Ecu], Field(min_length=1)]
    region_spec: str | Absent = None
    remark: str | Absent = None


class FixBody(Body):
    """Always the empty object."""


class DeploymentBody(Body):
    event_id: Text
    deployment_count: Annotated[int, Field(ge=1)] = 1
    start_datetime: IsoTime | Absent = None
    end_datetime: IsoTime | Absent = None

    @model_validator(mode="after")
    def _window_has_a_length(self) -> DeploymentBody:
        if (
            self.start_datetime
            and self.end_datetime
            and parse_time(self.end_datetime) <= parse_time(self.start_datetime)
        ):
            raise ValueError("end_datetime must be later than start_datetime")
        return self


class TestEventBody(Body):
    vin: Text
    event_id: Text
    ansible_job_id: Text
    git_sha: Text
    suite_name: Text
    vehicle_id: str | Absent = None
    metadata: dict[str, Any] | Absent = None


class TestEventPatch(Body):
    status: Literal["PASS", "FAIL"] | Absent = None
    summary: str | Absent = None
    artifact_urls: list[str] | Absent = None
    event_id: Text | Absent = None
    metadata: dict[str, Any] | Absent = None

    @model_validator(mode="after")
    def _changes_something(self) -> TestEventPatch:
        if not self.model_fields_set:
            raise ValueError(f"nothing to change, give one of: {', '.join(type(self).model_fields)}")
        return self


class Health(BaseModel):
    status: str


class Problem(BaseModel):
    error: str
    details: list[dict[str, Any]] = []


class Vehicle(BaseModel):
    vin: str
    id: str
    program_name: str | None = None
    model_year: str | None = None
    region: str | None = None


class VehiclePage(BaseModel):
    vehicles: list[Vehicle]
    page: int
    page_size: int
    total: int
    next: str | None


class Event(EventBody):
    event_id: str
    state: Literal["CREATED", "FIXED"]
    fixed: bool
    created_at: str


class Deployment(BaseModel):
    deployment_id: str
    event_id: str
    vin: str
    deployment_count: int
    state: str
    progress: int
    reason: str | None = None
    timestamps: dict[str, str]
    start_datetime: str | None = None
    end_datetime: str | None = None


class TestEvent(TestEventBody):
    test_event_id: str
    status: Literal["RUNNING", "PASS", "FAIL"]
    summary: str | None = None
    artifact_urls: list[str] = []
    created_at: str
    updated_at: str
