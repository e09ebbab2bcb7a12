# SPDX-License-Identifier: GPL-3.0-or-later
"""Any argument, any answer and any file: a Jumpstarter module ends with a result or a sentence, never a traceback.

Nor is a device taken for free, or kept, because something could not be read.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import types
import typing as t
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses
import yaml
from fuzz_support import FEW, anything, as_sent, assert_can_be_shown, json_values, strategy_of
from hypothesis import given
from hypothesis import strategies as st
from jumpstarter_support import CLIENT_CONFIG, EXPORTER_CONFIG, MODULES, NAME, FakeJmp, FakeKeeper, fake_lab
from run_report import RunReport
from sums_support import module_named, validated

from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import ask_running_jobs
from ansible_collections.hatci.automation.plugins.module_utils._failure import Failure
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases import device_lock
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.keeper_process import Keeper
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.leases.records import LeaseFiles
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.validation import LEASE_PREFIX
from ansible_collections.hatci.automation.plugins.module_utils._runner import run_operation
from ansible_collections.hatci.automation.plugins.module_utils._watchers.event_loop import EventLoop

COUNTS: Counter[str] = Counter()
SECRET = "canary-of-the-fuzzer"
EXPORTER = "vehicle_001"
LEASE = "hatci-7-vehicle-001-0a1b2c3d"
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "jumpstarter_diagnostics": {"exporter": EXPORTER, "ecus": [{"name": "Gateway", "driver": "gateway"}]},
    "jumpstarter_exporter": {"name": EXPORTER, "content": EXPORTER_CONFIG},
    "jumpstarter_info": {},
    "jumpstarter_lease": {"selector": f"exporter={EXPORTER}", "timeout": 0},
    "jumpstarter_orphans": {},
    "jumpstarter_power": {"exporter": EXPORTER, "state": "on"},
    "jumpstarter_shell": {"exporter": EXPORTER, "command": "j serial read"},
}
"""The least that each module takes."""
RESULTS = json.dumps([{"command": "j serial read", "rc": 0, "stdout": "OK\n", "stderr": ""}])


class Lab(t.NamedTuple):
    """Where a module runs."""

    home: Path
    jmp: FakeJmp

    def places(self, name: str) -> dict[str, str]:
        """Return the arguments that say where a module writes."""
        kinds = ("directory", "link_directory") if name == "jumpstarter_exporter" else ("lock_dir",)
        return {kind: str(self.home / kind) for kind in kinds}

    def controller(self) -> dict[str, str]:
        """Return the arguments that name a controller."""
        return {"client_config": str(self.home / "client.yaml")}


@pytest.fixture(autouse=True)
def _report_counts(run_report: RunReport) -> Iterator[None]:
    COUNTS.clear()
    yield
    for how in ("success", "failure", "refused by Ansible"):
        run_report.count(f"device inputs fuzzed: {how}", COUNTS[how])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Return a home and a `jmp` that serve all examples of a module; what has no place is written there too."""
    home = tmp_path_factory.mktemp("lab")
    spec = module_named("jumpstarter_exporter").ARGUMENTS["argument_spec"]
    with fake_lab(home) as jmp, pytest.MonkeyPatch.context() as patch:
        for kind in ("directory", "link_directory"):
            patch.setitem(spec[kind], "default", str(home / kind))
        yield Lab(home, jmp)


def run(name: str, arguments: dict[str, t.Any], *, check_mode: bool = False) -> dict[str, t.Any] | None:
    """Run a module; return None if Ansible refused the arguments."""
    try:
        options = validated(name, as_sent(arguments))
    except (ValueError, OverflowError):  # the latter is how Ansible itself refuses an infinite int
        COUNTS["refused by Ansible"] += 1
        return None
    said: list[str] = []
    extras = {"say": said.append} if name == "jumpstarter_lease" else {}
    result = run_operation(module_named(name).OPERATION, options, check_mode, **extras)
    check(result)
    assert all(line.isprintable() for line in said)
    return result


def check(result: t.Any) -> None:
    """Assert what holds for every result of every module."""
    assert_can_be_shown(result)
    COUNTS["failure" if result.get("failed") else "success"] += 1
    assert SECRET not in json.dumps(result)


odd_numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -(10**400), 1e308, -1e308, 2**63, -62135596800, float("nan"), float("inf")]),
)
odd_values = st.one_of(json_values, odd_numbers, st.sampled_from(["\ud800", "\x00", "x" * 5000, "a b " * 2000, {}, []]))
moments = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.sampled_from(
        ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "20260101", "soon"]
    ),
    st.just("2026-01-01T00:00:00Z"),
    st.none(),
    odd_values,
)
conditions = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["Ready", "Pending", "Unsatisfiable", "Invalid"]) | odd_values,
            "status": st.sampled_from(["True", "False"]) | odd_values,
            "reason": odd_values,
            "message": odd_values,
            "lastTransitionTime": st.fixed_dictionaries({"seconds": odd_values | st.just("9" * 400)}) | odd_values,
        },
    )
    | odd_values,
    max_size=3,
)
held = st.just([{"type": "Ready", "status": "True"}])
entries = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from([NAME, NAME, NAME, "other", "hatci-9-x-0", ""]) | odd_values,
            "exporter": st.just(EXPORTER) | odd_values,
            "client": st.just("alice") | odd_values,
            "duration": st.just(300.0) | odd_numbers | odd_values,
            "conditions": held | conditions | odd_values,
            "tags": st.fixed_dictionaries({"hatci-job": st.just("9") | odd_values}) | odd_values,
            "effective_begin_time": moments,
            "effective_end_time": moments,
        },
    ),
    st.fixed_dictionaries(
        {
            "name": st.just(NAME),
            "exporter": st.just(EXPORTER),
            "conditions": held,
            "effective_begin_time": moments,
            "duration": odd_numbers,
        }
    ),
    odd_values,
)
odd_texts = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            *("", " ", "{", "[" * 5000, "[\n" * 3000, "NaN", '{"leases": NaN}', '{"leases": "x"}', '"' * 50),
            *('{"leases": [1e999]}', '{"a": "\\ud800"}', '{"a":' * 200 + "1" + "}" * 200, '{"leases": ' + "9" * 6000),
            *("v" + "9" * 6000 + ".1.2", "0.9.0", "v0.9." + "x" * 6000, "0.1.0", "\ufeff{}", "\x1b[31m", "\ufffd"),
            *(
                "Error: not found",
                "Error: permission denied",
                "Error: no such option --tag",
                "Traceback (most recent call last):\nValueError: x",
                "\u256d\u2570",
            ),
        ]
    ),
)
printed = st.one_of(
    st.lists(entries, max_size=3).map(lambda leases: json.dumps({"leases": leases, "exporters": leases})),
    entries.map(json.dumps),
    odd_values.map(json.dumps),
    odd_values.map(lambda value: json.dumps({"leases": value, "exporters": value})),
    json_values.map(lambda value: json.dumps(json.dumps({"leases": [value]}))),
    odd_texts,
)
exit_codes = st.sampled_from([0, 0, 0, 0, 1, 255, -9])
readings = st.fixed_dictionaries({}, optional={"hex": odd_texts, "odd": odd_texts, "refusal": odd_values}) | odd_values
readings_of_an_ecu = st.fixed_dictionaries(
    {},
    optional={
        "identity": st.dictionaries(st.sampled_from(["vin", "serial"]), readings) | odd_values,
        **dict.fromkeys(("codes", "cleared"), readings),
        "trouble": odd_texts | odd_values,
    },
)
results = st.one_of(
    st.none(),
    st.just(RESULTS),
    odd_texts,
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "rc": st.sampled_from([0, 1]) | odd_values,
                **dict.fromkeys(("command", "stdout", "stderr"), st.text(max_size=20) | odd_values),
            },
        ),
        max_size=2,
    ).map(json.dumps),
    st.fixed_dictionaries(
        {"answers": st.fixed_dictionaries({"Gateway": readings_of_an_ecu | odd_values}) | odd_values},
        optional={"voltage": odd_values, "problem": odd_values},
    ).map(json.dumps),
)
TASKS: dict[str, tuple[str, dict[str, t.Any]]] = {
    "acquire": ("jumpstarter_lease", {"selector": "vin=1", "timeout": 0}),
    "acquire by name": ("jumpstarter_lease", {"exporter": EXPORTER, "timeout": 0, "output": "yaml"}),
    "create": ("jumpstarter_lease", {"state": "create", "exporter": EXPORTER, "lease_name": LEASE}),
    "renew": ("jumpstarter_lease", {"state": "renew", "lease_name": "hatci-lease", "duration": "10m"}),
    "release": ("jumpstarter_lease", {"state": "release", "lease_name": LEASE, "timeout": 0}),
    "info": ("jumpstarter_info", {}),
    "orphans": ("jumpstarter_orphans", {"running_jobs": ["1"], "min_age": 0}),
    "diagnostics": (
        "jumpstarter_diagnostics",
        {"lease_name": LEASE, "ecus": [{"name": "Gateway", "driver": "gateway"}]},
    ),
    "shell": ("jumpstarter_shell", {"lease_name": LEASE, "command": "j serial read"}),
}


@FEW
@given(stdout=printed, stderr=odd_texts, exit_code=exit_codes, left=results)
@pytest.mark.parametrize("task", TASKS)
def test_everything_that_jmp_prints(
    lab: Lab, task: str, stdout: str, stderr: str, exit_code: int, left: str | None
) -> None:
    name, arguments = TASKS[task]
    lab.jmp.prints(stdout, stderr, exit_code, left)
    lab.jmp.lease = "hatci-lease"

    result = run(name, {**arguments, **lab.controller()})

    assert result is not None
    deleted = [call[2] for call in lab.jmp.called("delete", "leases")]
    if task.startswith("acquire"):
        if result.get("failed"):
            assert not lab.jmp.called("create") or deleted == [lab.jmp.lease]
        else:
            assert not deleted
            assert is_shown_as_held(stdout, lab.jmp.lease)
    if task == "orphans":
        assert all(lease.startswith(LEASE_PREFIX) or "hatci-job" in stdout for lease in deleted)
    if task == "renew":
        for call in lab.jmp.called("update"):
            assert seconds_of(call[call.index("--duration") + 1]) >= 600


def is_shown_as_held(stdout: str, lease: str) -> bool:
    """Whether a lease is among what was printed, and Ready."""
    value = json.loads(stdout.replace(NAME, lease))
    value = json.loads(value) if isinstance(value, str) else value
    return any(
        entry.get("name") == lease
        and any(
            (condition.get("type"), condition.get("status")) == ("Ready", "True")
            for condition in entry["conditions"]
            if isinstance(condition, dict)
        )
        for entry in value["leases"]
        if isinstance(entry, dict)
    )


def seconds_of(clock: str) -> int:
    """Return the seconds of HH:MM:SS."""
    hours, minutes, seconds = map(int, clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


SAFE_PLACES = st.sampled_from(
    ["", " ", "\x00", "\ud800", "x" * 5000, "/dev/null/x", "/proc/nothing", "~nouser/x", None]
)
TIMES = st.sampled_from([0, -1, 1e-9, "nan", "inf", float("nan"), float("inf"), "x", None, [], 10**400])
"""Of times only such as are over at once."""


@FEW
@given(data=st.data(), check_mode=st.booleans())
@pytest.mark.parametrize("name", MODULES)
def test_every_argument(lab: Lab, name: str, data: st.DataObject, check_mode: bool) -> None:
    """What Ansible lets through, the module must take or refuse in a sentence."""
    lab.jmp.prints(json.dumps({"leases": []}) + "\n0.9.0", results=RESULTS)
    arguments = {**ARGUMENTS[name], **lab.places(name), **data.draw(st.sampled_from([{}, lab.controller()]))}
    if name == "jumpstarter_exporter":
        arguments.pop("client_config", None)
    spec = module_named(name).ARGUMENTS["argument_spec"]
    for changed in data.draw(st.lists(st.sampled_from(sorted(spec)), min_size=1, max_size=3, unique=True)):
        if changed in lab.places(name):
            arguments[changed] = data.draw(SAFE_PLACES)
        elif changed in ("timeout", "wait"):
            arguments[changed] = data.draw(TIMES)
        else:
            arguments[changed] = data.draw(strategy_of(spec[changed]))
    if "timeout" in spec and name == "jumpstarter_lease" and not arguments.get("timeout"):
        arguments["timeout"] = 0

    result = run(name, arguments, check_mode=check_mode)

    if check_mode or result is None:
        assert {call[0] for call in lab.jmp.calls} <= {"version", "get"}
    if result is None or result.get("failed") or name != "jumpstarter_lease":
        assert not FakeKeeper.started or all(keeper.is_over for keeper in FakeKeeper.started)
    FakeKeeper.end_all()


def jwt(expiry: t.Any) -> str:
    """Return a token that expires then, or never says."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expiry, "sub": SECRET}).encode()).decode().rstrip("=")
    return f"e30.{claims}.{SECRET}"


odd_yaml = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            *("a: 2026-13-01", "a: 2026-02-30", "a: 0001-01-01T00:00:00+23:59", "a: " + "9" * 5000, "[" * 3000),
            *("a: !!int x", "a: !!int ''", "a: !!float ''", "a: !!bool x", "a: !!timestamp x", "a: !!binary \xe9"),
            *("a: !!python/object:os.system x", "a: &a [*a]", "&a {*a : 1}", "? [1]\n: 1", "? {a: 1}\n: 1", "<<: 1"),
            *('a: "\\ud800"', '"\\U00110000"', '"\\UFFFFFFFF"', "\x00", "\ud800", "\t", "=", "a: =", "- 1\n-2", "%"),
            *(f"token: *{SECRET}", f"token: !{SECRET} x", f"token: {SECRET}: {SECRET}", f"'{SECRET}", f"a: @{SECRET}"),
            *("a: 1:2:3:" + "4:" * 300 + "5", "a: 1e999", "a: .nan", "a: " + "1:" * 500 + "1.5", "a: 0b", "a: 0x_"),
        ]
    ),
)
expiries = odd_values | st.sampled_from([True, "soon", -(10**30), 1, 1e300])
client_configs = st.one_of(
    odd_yaml,
    odd_yaml.map(lambda text: CLIENT_CONFIG + text),
    st.fixed_dictionaries(
        {
            "kind": st.just("ClientConfig") | json_values,
            "endpoint": st.just("lab:8082") | json_values,
            "token": expiries.map(jwt) | st.text(max_size=20).map(lambda text: f"{text}.{text}.{SECRET}") | json_values,
        }
    ).map(yaml.safe_dump),
)


@FEW
@given(text=client_configs, way=st.sampled_from(["path", "client", "current", "environment"]))
def test_every_client_config(lab: Lab, text: str, way: str) -> None:
    home = lab.home / ".config/jumpstarter"
    files = {
        "path": lab.home / "odd.yaml",
        "client": home / "clients/bob.yaml",
        "current": home / "config.yaml",
        "environment": home / "config.yaml",
    }
    files[way].parent.mkdir(parents=True, exist_ok=True)
    files[way].write_bytes(text.encode("utf-8", "surrogatepass"))
    arguments = {"path": {"client_config": str(files["path"])}, "client": {"client": "bob"}}.get(way, {})
    lab.jmp.prints("0.9.0")
    with pytest.MonkeyPatch.context() as patch:
        if way == "environment":
            patch.setenv("JMP_TOKEN", text.encode("utf-8", "ignore").decode().replace("\x00", ""))
            patch.setenv("JMP_ENDPOINT", "lab:8082")
        try:
            run("jumpstarter_info", arguments)
        finally:
            files[way].unlink()


exporter_configs = st.one_of(
    odd_yaml,
    odd_yaml.map(lambda text: EXPORTER_CONFIG + text),
    st.fixed_dictionaries({"kind": st.just("ExporterConfig") | json_values, "export": json_values}).map(yaml.safe_dump),
)


@FEW
@given(text=exporter_configs)
def test_every_exporter_config(lab: Lab, text: str) -> None:
    arguments = {**lab.places("jumpstarter_exporter"), "name": EXPORTER}
    run("jumpstarter_exporter", {**arguments, "content": EXPORTER_CONFIG})

    result = run("jumpstarter_exporter", {**arguments, "content": text})

    there = Path(arguments["directory"], f"{EXPORTER}.yaml").read_bytes()
    assert result is None or there == (EXPORTER_CONFIG if result.get("failed") else text).encode()


file_contents = st.one_of(st.binary(max_size=60), odd_texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
holders = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(("job", "host", "pid", "lease"), odd_values), "since": odd_numbers | odd_values}
)


@FEW
@given(content=file_contents | holders.map(lambda holder: json.dumps(holder).encode()), is_taken=st.booleans())
def test_every_lock_file(lab: Lab, content: bytes, is_taken: bool) -> None:
    path = device_lock.lock_path(str(lab.home / "lock_dir"), EXPORTER)
    path.unlink(missing_ok=True)
    lock = device_lock.try_lock(path, {})
    assert lock is not None
    path.write_bytes(content)
    if not is_taken:
        os.close(lock[0])

    result = run("jumpstarter_lease", {**ARGUMENTS["jumpstarter_lease"], **lab.places("jumpstarter_lease")})

    assert result is not None
    assert bool(result.get("failed")) == is_taken
    assert device_lock.is_locked(path)
    FakeKeeper.end_all()
    if is_taken:
        os.close(lock[0])
    assert not device_lock.is_locked(path)


RECORD: dict[str, t.Any] = {
    "name": LEASE,
    "mode": "controller",
    "what": f"exporter {EXPORTER}",
    "asked": EXPORTER,
    "exporter": EXPORTER,
    "keeper": None,
    "config": [],
    "lease": {},
    "keeper_log": None,
}
records = st.one_of(
    file_contents,
    st.builds(
        lambda base, changed, removed: json.dumps(
            {key: value for key, value in {**RECORD, **base, **changed}.items() if key != removed}
        ).encode(),
        st.sampled_from([{}, {"mode": "local", "config": None}]),
        st.dictionaries(
            st.sampled_from(sorted(RECORD)),
            odd_values
            | st.sampled_from([LEASE, EXPORTER, "local", ["--client", "bob"], ["\x00"], [1]])
            | st.fixed_dictionaries({"pid": odd_values | st.just("9" * 5000), "start": odd_values}),
            max_size=2,
        ),
        st.none() | st.sampled_from(sorted(RECORD)),
    ),
)
HOLDING = {
    "acquire": ("jumpstarter_lease", {"exporter": EXPORTER, "lease_name": LEASE}),
    "renew": ("jumpstarter_lease", {"state": "renew", "lease_name": LEASE}),
    "release": ("jumpstarter_lease", {"state": "release", "lease_name": LEASE, "timeout": 0}),
    "diagnostics": (
        "jumpstarter_diagnostics",
        {"lease_name": LEASE, "ecus": [{"name": "Gateway", "driver": "gateway"}]},
    ),
    "shell": ("jumpstarter_shell", {"lease_name": LEASE, "exporter": EXPORTER, "command": "j serial read"}),
}


@FEW
@given(
    record=records,
    trouble=st.none() | file_contents,
    task=st.sampled_from(sorted(HOLDING)),
    check_mode=st.booleans(),
    mode=st.sampled_from(["local", "controller"]),
)
def test_every_record_of_a_lease(
    lab: Lab, record: bytes, trouble: bytes | None, task: str, check_mode: bool, mode: str
) -> None:
    files = LeaseFiles(LEASE)
    files.record.write_bytes(record)
    files.trouble.unlink(missing_ok=True)
    if trouble is not None:
        files.trouble.write_bytes(trouble)
    shown = {"name": LEASE, "exporter": EXPORTER, "conditions": [{"type": "Ready", "status": "True"}]}
    lab.jmp.prints(json.dumps({"leases": [shown]}), results=RESULTS)
    name, arguments = HOLDING[task]
    controller = lab.controller() if mode == "controller" else {}

    result = run(name, {**arguments, **controller, **lab.places(name), "mode": mode}, check_mode=check_mode)

    assert result is not None
    if task != "release" and trouble is not None and not (task in ("shell", "diagnostics") and check_mode):
        assert result["failed"]
    files.remove()
    FakeKeeper.end_all()


class Watch:
    """A watch whose play is over at once."""

    has_owner = False

    def __init__(self, message: t.Any) -> None:
        self.message = message
        self.lines: list[str] = []

    def read_message(self) -> t.Any:
        return self.message

    def until_end(self, _time_of: float | None = None) -> bool:
        return True

    def pause(self, _seconds: float) -> None:
        """Go on at once."""

    def log(self, line: str) -> None:
        self.lines.append(line)


@FEW
@given(
    line=file_contents
    | st.fixed_dictionaries({"elapsed": odd_values | odd_numbers}).map(lambda m: json.dumps(m).encode())
)
def test_every_message_to_a_keeper(lab: Lab, line: bytes) -> None:
    """Whatever it is told, it gives the lease back in the end."""
    lab.jmp.prints("")
    order: t.Any = {
        **{"name": LEASE, "owner": None, "config": [], "duration": 60.0, "max_hold": None, "environment": {}},
        **{key: str(lab.home / f"keeper.{key}") for key in ("log", "record", "trouble")},
    }
    watch = Watch(message_of(line + b"\n"))

    Keeper(order, t.cast("EventLoop", watch)).run()

    assert watch.lines[-1] == "released the lease"
    assert [call[2] for call in lab.jmp.called("delete")] == [LEASE]
    COUNTS["success"] += 1


def message_of(line: bytes) -> t.Any:
    """Return what a watcher makes of a line on its standard input."""
    standard_input = os.dup(0)
    reading, writing = os.pipe()
    signals = os.pipe()
    try:
        os.write(writing, line)
        os.close(writing)
        os.dup2(reading, 0)
        return EventLoop(None, signals[0]).read_message()
    finally:
        os.dup2(standard_input, 0)
        for descriptor in (standard_input, reading, *signals):
            os.close(descriptor)


job_lists = st.lists(st.fixed_dictionaries({}, optional={"id": st.integers(min_value=1) | odd_values}), max_size=3)
links = st.sampled_from([None, None, None, "http://[", "//elsewhere", "", "?page=2", "\n", f"https://x/{SECRET}"])
aap_answers = st.one_of(
    st.fixed_dictionaries(
        {"results": job_lists | st.sampled_from([[], {}, "", 0]) | odd_values, "next": links | odd_values}
    ).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries({"results": st.sampled_from([{}, "", [{"id": None}]]), "next": st.none()}).map(
        lambda value: json.dumps(value).encode()
    ),
    odd_values.map(lambda value: json.dumps(value).encode()),
    file_contents,
)
hosts = st.sampled_from(
    ["https://aap.example.com"] * 8
    + ["aap.example.com", "http://[", "http://", "ftp://x", "\u2028", "a b", "http://a..b"]
)


@FEW
@given(
    answers=st.lists(aap_answers, min_size=1, max_size=2),
    status=st.sampled_from([200, 200, 200, 301, 404, 500]),
    host=hosts,
)
def test_every_answer_of_aap(answers: list[bytes], status: int, host: str) -> None:
    """The running jobs are known for sure, or not at all."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as aap, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTROLLER_HOST", host)
        patch.setenv("CONTROLLER_OAUTH_TOKEN", SECRET)
        aap.get("https://aap.example.com/api/v2/", json={})
        for body in answers:
            aap.get("https://aap.example.com/api/v2/unified_jobs/", body=body, status=status)
        try:
            running = ask_running_jobs()
        except Failure as error:
            check(error.as_result())
            return
    read = [json.loads(body) for body in answers]
    assert read[0].get("next") is None or len(read) > 1
    assert isinstance(read[0]["results"], list)
    assert running >= {str(job["id"]) for job in read[0]["results"]}
    assert all(job.isdecimal() for job in running)
    COUNTS["success"] += 1


task_variables = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("awx_job_id", "tower_job_id", "inventory_hostname", "current_lease_name"), anything),
        "jumpstarter_lease_guard_lock_dir": SAFE_PLACES | st.sampled_from([[], {"a": 1}, 5, True]),
    },
)
yaml_keys = st.one_of(st.text(max_size=5), st.dates(), st.integers(), st.none(), st.tuples(st.integers()))


@FEW
@given(data=st.data(), name=st.sampled_from(MODULES), variables=task_variables)
def test_every_task_inside_of_ansible_playbook(
    lab: Lab, name: str, data: st.DataObject, variables: dict[str, t.Any]
) -> None:
    """Here arguments come as YAML and templates made them, not through JSON."""
    lab.jmp.prints(json.dumps({"leases": []}) + "\n0.9.0", results=RESULTS)
    spec = module_named(name).ARGUMENTS["argument_spec"]
    arguments: dict[str, t.Any] = {**ARGUMENTS[name], **lab.places(name)}
    for changed in data.draw(st.lists(st.sampled_from(sorted(set(spec) - set(arguments))), max_size=2)):
        arguments[changed] = data.draw(anything | st.dictionaries(yaml_keys, anything, max_size=2) | st.dates())

    result = act(name, arguments, variables)

    result.pop("invocation", None)
    COUNTS["failure" if result.get("failed") else "success"] += 1
    assert "Traceback (most" not in str(result.get("msg", ""))
    json.dumps(result)
    FakeKeeper.end_all()


def act(name: str, arguments: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
    """Run a task with a local connection through its action plugin."""
    plugin = importlib.import_module(f"ansible_collections.hatci.automation.plugins.action.{name}")
    action = plugin.ActionModule.__new__(plugin.ActionModule)
    play = types.SimpleNamespace(strategy="linear")
    action._task = types.SimpleNamespace(
        args=arguments, check_mode=False, environment=[], async_val=0, action=name, get_play=lambda: play
    )
    action._play_context = types.SimpleNamespace(become=False)
    action._connection = types.SimpleNamespace(transport="local")
    action._templar = types.SimpleNamespace(template=lambda value: value)
    action._task_vars = variables
    action.complete_arguments()
    return t.cast("dict[str, t.Any]", action._run_locally())
