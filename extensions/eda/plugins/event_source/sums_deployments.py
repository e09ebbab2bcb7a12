# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch many deployments in SUMS with one process; each change of state is an event.

ansible-rulebook runs this file by its path, where no other file of the collection can be imported. So it stands alone,
on aiohttp, which ansible-rulebook needs itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import email.utils
import fcntl
import heapq
import itertools
import json
import logging
import math
import os
import random
import re
import ssl
import time
import typing as t
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp

DOCUMENTATION = r"""
---
short_description: Watch deployments in SUMS
description:
  - Looks at each deployment once in O(poll_interval), all of them spread evenly over it, and emits an event for
    each change of state, exactly once, and one for each stall.
  - An event is C(deployment) with C(deployment_id), C(vin), C(state) (in capitals, C(COMPLETE) for every spelling of
    success), C(previous_state) (null at first sight), C(progress) (percent, or null), C(reason) and C(at) (ISO 8601,
      UTC). That of an end has C(ended) (true) as well, that of a stall C(stalled_for) (seconds). Where more was given
      with a deployment, this stands beside it as C(test).
  - A deployment that has ended is not looked at again, unless its id comes again with another test event
    (C(test_event_id)), since a SUMS that lost its records gives ids again. The source goes on until it is stopped.
  - With O(unfinished_after) the end of a deployment is told again while the test event that was given with it has no
    outcome, and C(unfinished_for) (seconds) says so.
  - SUMS has no call that lists deployments, so they are given, or named by a file to which others add lines.
options:
  base_url:
    description: Address of SUMS, without C(/api/v1). The environment's E(HATCI_BASE_URL) by default.
    type: str
  token:
    description: >-
      Token for SUMS. The environment's E(HATCI_TOKEN) by default, unless O(token_file) is given.
    type: str
  token_file:
    description: >-
      File with the token, read again when SUMS refuses it; it counts before O(token). The environment's
      E(HATCI_TOKEN_FILE) by default, unless O(token) is given.
    type: str
  ca_path:
    description: PEM file with the authorities to trust. The environment's E(HATCI_CA_PATH) by default.
    type: str
  verify_tls:
    description: Whether the certificate of SUMS is verified. The environment's E(HATCI_VERIFY_TLS) by default.
    type: bool
    default: true
  deployments:
    description: Ids, or dictionaries with C(deployment_id), C(vin) and whatever an event shall have as C(test).
    type: list
  deployments_file:
    description: >-
      File with one deployment a line, an id or such a dictionary as JSON. It is read again when it has changed, and may
      come later.
    type: str
  poll_interval:
    description: Seconds between two looks at the same deployment.
    type: float
    default: 30
  success_states:
    description: >-
      States in which a deployment has ended well, in any letter case. Give what C(hatci_success_states) of the tests
      has.
    type: list
    default: [COMPLETE, COMPLETED, SUCCESS]
  failure_states:
    description: >-
      States in which it has ended otherwise, in any letter case. Give what C(hatci_failure_states) of the tests has. A
      state in neither list is progress.
    type: list
    default: [FAILED, ERROR, CANCELLED]
  stall_after:
    description: Seconds without a change of state or progress after which a deployment counts as stalled; 0 for never.
    type: float
    default: 1800
  unfinished_after:
    description: >-
      Seconds after the end of a deployment until its test event (C(test_event_id)) is looked at. Where it has no
      outcome and nobody goes on with it, the end is told again, six times at most, each after twice the time. Where
      SUMS has no call to read a test event, a change of nothing is sent, or else the link to its target event, if SUMS
      shows that this is of the same VIN. 0 for never.
    type: float
    default: 0
  state_file:
    description: >-
      What was emitted is kept here, so that a restart repeats and loses nothing. Without it a restart emits the state
      of each deployment again.
    type: str
  concurrency:
    description: Requests at the same time, at most.
    type: int
    default: 20
  timeout:
    description: Seconds for one request.
    type: float
    default: 30
"""

EXAMPLES = r"""
- hatci.automation.sums_deployments:
    base_url: https://sums.example.com
    token_file: /run/secrets/sums-token
    deployments: [dep-000001, {deployment_id: dep-000002, vin: 1HGBH41JXMN109186}]
    state_file: /var/lib/eda/sums_deployments.jsonl
"""

SUCCESS = ("COMPLETE", "COMPLETED", "SUCCESS")
FAILURE = ("FAILED", "ERROR", "CANCELLED")
ENDED = frozenset((SUCCESS[0], *FAILURE))
UNKNOWN = "UNKNOWN"
"""State of a deployment that SUMS has not told yet."""

OPTIONS: dict[str, t.Any] = {
    "base_url": os.environ.get("HATCI_BASE_URL", ""),
    "token": os.environ.get("HATCI_TOKEN", ""),
    "token_file": os.environ.get("HATCI_TOKEN_FILE", ""),
    "ca_path": os.environ.get("HATCI_CA_PATH", ""),
    "verify_tls": os.environ.get("HATCI_VERIFY_TLS") or "true",
    "deployments": [],
    "deployments_file": "",
    "poll_interval": 30.0,
    "success_states": list(SUCCESS),
    "failure_states": list(FAILURE),
    "stall_after": 1800.0,
    "unfinished_after": 0.0,
    "state_file": "",
    "concurrency": 20,
    "timeout": 30.0,
}
KEPT: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("deployment_id", "vin", "reason", "event_id"), (str,)),
    **dict.fromkeys(("state", "previous_state"), (str, type(None))),
    "progress": (int, float, type(None)),
    **dict.fromkeys(("changed_at", "seen_open_at"), (int, float)),
    "reminders": (int,),
    **dict.fromkeys(("is_stalled", "is_finished"), (bool,)),
}
"""What the state file holds of a deployment, and of which types."""

OF_RULEBOOK = "eda_feedback_queue"

PERCENT = re.compile(r"\d{1,3}(\.\d{1,20})? ?%?", re.ASCII)
"""A progress that is given as text."""

MAX_ANSWER = 4 * 1024 * 1024
MAX_ID = 256
OTHER_IDS = ("test_event_id", "target_event_id")
"""Ids that may be given with a deployment, and by which SUMS is asked."""

LONGEST_RETRY_AFTER = 21600.0
LONGEST_PAUSE = 30.0
BUSY_PAUSE = 1.0
LONGEST_GAP = 0.05
MOST_REMINDERS = 6
TOLERATED = 2
"""So many failures in a row may be about single deployments; more are an outage."""

MOST_REFUSED = 20
"""So many deployments may be refused to a token that SUMS takes for others."""

Record = dict[str, t.Any]
log = logging.getLogger("hatci.sums_deployments")


class Trouble(Exception):
    """SUMS gave no usable answer.

    :param about_one: this says something about one deployment only, not about SUMS.
    :param retry_after: seconds for which SUMS wants to be left alone.
    """

    def __init__(self, message: str, *, about_one: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.about_one = about_one
        self.retry_after = retry_after


class Refused(Trouble):
    """A request that SUMS does not take, whoever sends it: 400, 404, 405, 409, 422."""


class TokenRefused(Trouble):
    """401 or 403."""


class TokenNeverTaken(ValueError):
    """The token is refused for every deployment, and there is no file with another one."""


@dataclasses.dataclass
class Deployment:
    """What is known of one deployment.

    :param given: what an event shall have as ``test``.
    :param event_id: the event that it brings to the vehicle.
    :param changed_at: when its state or progress was last seen to change, in epoch seconds.
    :param is_stalled: the stall that goes on was told.
    :param reminders: how often its end was told again.
    :param seen_open_at: when its test event was last seen without an outcome, in epoch seconds.
    :param is_finished: its test event needs nobody any more.
    :param failures: of looks at it since the last answer.
    :param is_replaced: its id was given again, with another test event.
    :param given_vin: the VIN that was given with it, whatever SUMS says.
    :param ends: the states in which nothing more will happen to it, in capitals.
    """

    deployment_id: str
    vin: str = ""
    given: Record = dataclasses.field(default_factory=dict)
    state: str | None = None
    previous_state: str | None = None
    progress: float | None = None
    reason: str = ""
    event_id: str = ""
    changed_at: float = 0.0
    is_stalled: bool = False
    reminders: int = 0
    seen_open_at: float = 0.0
    is_finished: bool = False
    failures: int = 0
    is_replaced: bool = False
    given_vin: str = ""
    ends: frozenset[str] = ENDED

    @property
    def test_event_id(self) -> str:
        """The test event that was given with it; empty if none was."""
        return str(self.given.get("test_event_id") or "")

    def reminder_at(self, unfinished_after: float) -> float | None:
        """Return when its test event is to be looked at, in epoch seconds; None if it is not."""
        is_reminded = self.has_ended and not self.is_finished and self.reminders < MOST_REMINDERS
        if not unfinished_after or not is_reminded or not self.given.get("test_event_id"):
            return None
        return max(self.changed_at + unfinished_after * 2.0**self.reminders, self.seen_open_at + unfinished_after)

    def stalls(self, now: float, stall_after: float) -> float | None:
        """Return the seconds since which it stalls; None if it does not, or that was told."""
        stalled_for = now - self.changed_at
        if self.has_ended or self.is_stalled or not stall_after or stalled_for < stall_after:
            return None
        self.is_stalled = True
        return stalled_for

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in self.ends

    def see(self, answer: Record, now: float) -> bool:
        """Take over what SUMS says; return whether the state is another one."""
        state, progress, reason = find_state(answer), find_progress(answer), find_reason(answer)
        is_new = state != self.state
        if is_new or progress != self.progress:
            self.changed_at, self.is_stalled = now, False
        if is_new:
            self.previous_state, self.state = self.state, state
        self.progress, self.reason = progress, reason
        event_id = answer.get("event_id")
        if isinstance(event_id, (str, int)) and not isinstance(event_id, bool):
            self.event_id = str(event_id)
        if vin_of(answer):
            self.vin = answer["vin"].strip()
        return is_new

    def event(self, now: float, **more: t.Any) -> Record:
        """Return the event that tells how it stands."""
        moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
        names = ("deployment_id", "vin", "state", "previous_state", "progress", "reason")
        told = {name: getattr(self, name) for name in names}
        told["state"] = self.state or UNKNOWN
        told["at"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self.has_ended:
            told["ended"] = True
        return {"deployment": {**told, **more}, **({"test": self.given} if self.given else {})}

    @property
    def kept(self) -> Record:
        """What the state file holds of it."""
        return {name: getattr(self, name) for name in (*KEPT, "test_event_id", "has_ended")}


def is_kept(record: t.Any) -> bool:
    """Whether a line of the state file is one that this source writes."""
    if not isinstance(record, dict) or not isinstance(record.get("deployment_id"), str):
        return False
    return all(fits(record[name], kinds) for name, kinds in KEPT.items() if name in record)


def fits(value: t.Any, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of some types; numbers must be finite, and a truth value is no number."""
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) and (not isinstance(value, float) or math.isfinite(value))


def vin_of(answer: Record) -> str:
    """Return the VIN in capitals; empty if SUMS does not say."""
    vin = answer.get("vin")
    return vin.strip().upper() if isinstance(vin, str) else ""


def find_state(answer: Record) -> str:
    """Return the state in capitals, with COMPLETE for each of its spellings.

    :raises Trouble: there is none.
    """
    for key in ("state", "status"):
        value = answer.get(key)
        if isinstance(value, str) and value.strip():
            return canonical(value)
    raise Trouble("SUMS answered without a state", about_one=True)


def canonical(state: str) -> str:
    """Return a state in capitals, with COMPLETE for each of its spellings."""
    upper = " ".join(state.split()).upper()
    return SUCCESS[0] if upper in SUCCESS else upper


def find_progress(answer: Record) -> float | None:
    """Return the percentage; None if SUMS does not say, or says what cannot be."""
    progress = answer.get("progress")
    if isinstance(progress, str) and PERCENT.fullmatch(progress.strip()):
        progress = float(progress.strip().rstrip("% "))
    if isinstance(progress, bool) or not isinstance(progress, (int, float)):
        return None
    return progress if 0 <= progress <= 100 else None


def find_reason(answer: Record) -> str:
    """Return why a deployment failed, on one line of bearable length; empty if SUMS does not say."""
    for key in ("reason", "error_message"):
        if value := answer.get(key):
            text = value if isinstance(value, str) else json.dumps(value)
            return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]
    return ""


def needs_nobody(test_event: Record, now: float) -> bool | None:
    """Whether a test event has its outcome; None if it has not, and somebody goes on with it."""
    if str(test_event.get("status") or "").upper() in ("PASS", "FAIL"):
        return True
    metadata = test_event.get("metadata")
    mark = metadata.get("resumed") if isinstance(metadata, dict) else None
    until = mark.get("until") if isinstance(mark, dict) else None
    is_taken = isinstance(until, (int, float)) and not isinstance(until, bool) and until > now
    return None if is_taken else False


class StateFile:
    """What was emitted, a line a change; the last one of a deployment counts.

    Appending costs the same however many deployments there are. The whole file is written anew, at once or not at all,
    when the source starts and when most of its lines no longer count.

    :param base_url: the SUMS whose deployments they are; another one may give the same ids.
    """

    def __init__(self, path: str, base_url: str) -> None:
        self._is_used = bool(path)
        self._path = Path(path)
        self._base_url = base_url
        self._kept: dict[str, Record] = {}
        self._lines = 0
        self._file: t.IO[str] | None = None

    @contextlib.asynccontextmanager
    async def held(self) -> t.AsyncIterator[None]:
        """Hold it, so that a process that is about to end and its successor do not both emit.

        :raises ValueError: it cannot be read or written.
        """
        if not self._is_used:
            log.warning("There is no state_file: a restart will emit the state of each deployment again.")
            yield
            return
        try:
            with open(f"{self._path}.lock", "w", encoding="utf-8") as lock:
                await self._lock(lock)
                self._read()
                self._rewrite()
                try:
                    yield
                finally:
                    if self._file:
                        self._file.close()
        except OSError as error:
            raise ValueError(
                f"state_file {self._path} cannot be used: {error.strerror}; give a path to write."
            ) from None

    async def _lock(self, lock: t.IO[str]) -> None:
        for tries in itertools.count():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if tries == 0:
                    log.warning("state_file %s is in use by another process; waiting for it to end.", self._path)
                await asyncio.sleep(1)

    def _read(self) -> None:
        if not self._path.exists():
            return
        for number, line in enumerate(self._path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):  # it broke off when the machine died
                record = None
            if is_kept(record):
                self._kept[record["deployment_id"]] = record
            else:
                log.warning("state_file %s cannot be read in line %d, which is left out.", self._path, number)

    def _rewrite(self) -> None:
        temporary = Path(f"{self._path}.new")
        with open(temporary, "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(record)}\n" for record in self._kept.values())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)
        if self._file:
            self._file.close()
        self._file = open(self._path, "a", encoding="utf-8")  # noqa: SIM115  # held until the source ends
        self._lines = len(self._kept)

    def restore(self, one: Deployment) -> None:
        """Give a deployment what was known of it, unless that was another one with the same id."""
        kept = self._kept.get(one.deployment_id, {})
        before = kept.get("test_event_id") or one.test_event_id
        if kept.get("base_url", self._base_url) != self._base_url or before != (one.test_event_id or before):
            return
        for name in kept.keys() & KEPT.keys():
            if not (name == "vin" and one.vin):
                setattr(one, name, kept[name])
        if one.has_ended and not kept.get("has_ended", one.state in ENDED):
            one.state = None  # it was told, but not as an end

    def keep(self, one: Deployment) -> None:
        """Note what was emitted of a deployment, unless its id was given again meanwhile: that one's line counts."""
        if self._file is None or one.is_replaced:
            return
        record = {**one.kept, "base_url": self._base_url}
        self._kept[one.deployment_id] = record
        self._file.write(f"{json.dumps(record)}\n")
        self._file.flush()
        self._lines += 1
        if self._lines > 2 * len(self._kept) + 1000:
            self._rewrite()


class Gate:
    """When the next request may begin: never faster than it takes, later while SUMS is in trouble."""

    def __init__(self, poll_interval: float) -> None:
        self._longest = min(LONGEST_PAUSE, poll_interval)
        self._interval = poll_interval
        self._opens = self._next = self._closed = 0.0
        self._failures = self._pauses = 0

    def opens(self) -> float:
        """Return when, on the loop's clock."""
        return max(self._opens, self._next)

    @property
    def is_outage(self) -> bool:
        """Whether SUMS answers nobody."""
        return self._pauses > 0

    def begin(self, now: float, deployments: int) -> None:
        """Note that a request begins; after an outage twice the usual pace catches up."""
        self._next = now + min(LONGEST_GAP, self._interval / (2 * max(1, deployments)))

    def succeed(self) -> None:
        """Note a usable answer."""
        if self._pauses:
            log.warning("SUMS answers again.")
        self._failures = self._pauses = 0

    def fail(self, trouble: Trouble, began: float, now: float) -> None:
        """Note a request that brought nothing, and when it began."""
        self._failures += 1
        if trouble.retry_after:
            self._opens = max(self._opens, now + trouble.retry_after)
        if self._failures > TOLERATED and began >= self._closed:
            self._pauses += 1
            if self._pauses == 1:
                log.warning("SUMS gives no usable answer, still trying: %s.", trouble)
            pause = min(self._longest, 2.0 ** min(self._pauses - 1, 30)) * random.uniform(0.5, 1.0)
            self._closed, self._opens = now, max(self._opens, now + pause)


class Watcher:
    """Looks at all deployments in turn.

    :param fetch: returns what SUMS says of a deployment, or raises :class:`Trouble`.
    :param now: the time of day, in epoch seconds.
    :param fetch_test: returns what SUMS says of the test event that was given with a deployment, or raises the same.
    """

    def __init__(
        self,
        queue: t.Any,
        options: Record,
        fetch: t.Callable[[str], t.Awaitable[Record]],
        now: t.Callable[[], float] = time.time,
        fetch_test: t.Callable[[Record], t.Awaitable[Record]] | None = None,
    ) -> None:
        self._queue = queue
        self._fetch = fetch
        self._fetch_test = fetch_test
        self._now = now
        self._given: list[t.Any] = options["deployments"]
        self._list = options["deployments_file"]
        self._interval: float = options["poll_interval"]
        self._ends = frozenset((*options["success_states"], *options["failure_states"]))
        self._stall_after: float = options["stall_after"]
        self._unfinished_after: float = options["unfinished_after"] if fetch_test else 0.0
        self._concurrency: int = options["concurrency"]
        self._file = StateFile(options["state_file"], options["base_url"])
        self._gate = Gate(self._interval)
        self._known: dict[str, Deployment] = {}
        self._seen: set[tuple[str, str]] = set()
        self._started = (0.0, 0.0)
        self._due: list[tuple[float, int, Deployment]] = []
        self._order = itertools.count()
        self._turn = asyncio.Lock()
        self._added = asyncio.Event()
        self._under_way = 0
        self._is_refused = False
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        """Go on until cancelled.

        :raises ValueError: an option cannot be used.
        """
        async with self._file.held():
            self._started = self._now(), asyncio.get_running_loop().time()
            self._add(self._given)
            workers = [asyncio.create_task(self._work()) for _worker in range(self._concurrency)]
            workers.append(asyncio.create_task(self._reread()))
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)

    def _steady(self) -> float:
        """Return the time of day in epoch seconds, as if nobody had set the clock since the start."""
        began, began_loop = self._started
        return began + asyncio.get_running_loop().time() - began_loop

    async def _reread(self) -> None:
        """Read the file with deployments whenever it has changed."""
        seen = None
        while True:
            if self._list:
                try:
                    status = os.stat(self._list)
                    if (status.st_mtime_ns, status.st_size) != seen:
                        entries, broken = read_list(self._list)
                        for line in broken:
                            self._tell(line, line)
                        self._add(entries)
                        seen = (status.st_mtime_ns, status.st_size)
                except FileNotFoundError:
                    pass
                except OSError as error:
                    self._tell(self._list, f"deployments_file {self._list} cannot be read: {error}")
            await asyncio.sleep(min(self._interval, 5.0))

    def _add(self, given: list[t.Any]) -> None:
        """Begin to watch what is new, spread over one interval."""
        new = []
        for entry in given:
            try:
                one = deployment_of(entry)
            except ValueError as error:
                self._tell(repr(entry), str(error))
                continue
            if self._is_new(one):
                one.ends, one.changed_at = self._ends, self._steady()
                self._file.restore(one)
                if not one.has_ended or self._reminder_in(one) is not None:
                    new.append(one)
        new = [one for one in new if not one.is_replaced]
        start = asyncio.get_running_loop().time()
        for place, one in enumerate(new):
            self._plan(one, start + max(self._interval * place / len(new), self._reminder_in(one) or 0.0))
        self._added.set()

    def _is_new(self, one: Deployment) -> bool:
        """Whether a deployment is to be watched that was not before, or not with this test event."""
        before, pair = self._known.get(one.deployment_id), (one.deployment_id, one.test_event_id)
        if before is not None:
            if pair in self._seen or not one.test_event_id:
                if one.given != before.given and one.test_event_id == before.test_event_id:
                    line = f"Deployment {one.deployment_id} is given again with other fields, which are left out."
                    self._tell(f"{one.deployment_id} again", line)
                return False
            before.is_replaced = True
            log.warning(
                "Deployment %s is given again, with test event %s instead of %s; it is watched anew for that one.",
                *pair,
                before.test_event_id or "none",
            )
        self._known[one.deployment_id] = one
        self._seen.add(pair)
        return True

    def _reminder_in(self, one: Deployment) -> float | None:
        """Return in how many seconds a test event is to be looked at; None if it is not."""
        at = one.reminder_at(self._unfinished_after)
        return None if at is None else max(0.0, at - self._steady())

    def _plan(self, one: Deployment, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._order), one))

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, one = await self._next()
            if one.is_replaced:
                continue
            began = loop.time()
            self._under_way += 1
            try:
                await (self._look_at_test(one, began) if one.has_ended else self._look(one, began))
            finally:
                self._under_way -= 1
            if (pause := self._reminder_in(one)) is not None:
                self._plan(one, loop.time() + max(self._interval, pause))
                self._added.set()
            elif not one.has_ended:
                next_beat = due + self._interval
                self._plan(one, next_beat if next_beat > loop.time() else loop.time() + self._interval)
                self._added.set()

    async def _next(self) -> tuple[float, Deployment]:
        """Return the deployment whose turn it is, once a request may begin."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            while True:
                self._added.clear()
                now = loop.time()
                wait = max(self._due[0][0], self._gate.opens()) - now if self._due else None
                if wait is not None and wait <= 0:
                    self._gate.begin(now, len(self._due) + self._under_way)
                    due, _order, one = heapq.heappop(self._due)
                    return due, one
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._added.wait(), wait)

    async def _look(self, one: Deployment, began: float) -> None:
        """Look once, and emit what is new."""
        try:
            answer = await self._fetch(one.deployment_id)
            is_new = one.see(answer, self._steady())
            self._told.pop(one.deployment_id, None)
            one.failures, has_answered = 0, True
        except TokenNeverTaken:
            raise
        except (Trouble, ValueError, RecursionError) as error:
            trouble = trouble_of(error)
            is_new = False
            one.failures += 1
            if not trouble.about_one:
                self._gate.fail(trouble, began, asyncio.get_running_loop().time())
                if self._gate.is_outage or one.failures <= TOLERATED:
                    return
            self._tell(one.deployment_id, f"Deployment {one.deployment_id}: {trouble}.")
            one.reason = str(trouble)
            has_answered = trouble.about_one
        if has_answered:
            self._gate.succeed()
        if is_new:
            await self._emit(one)
        elif (stalled_for := one.stalls(self._steady(), self._stall_after)) is not None:
            await self._emit(one, stalled_for=round(stalled_for))

    async def _look_at_test(self, one: Deployment, began: float) -> None:
        """Tell an end again if nobody has finished the test."""
        if self._fetch_test is None:
            return
        event_id = one.given.get("target_event_id") or one.event_id
        try:
            held = await self._fetch_test({**one.given, "target_event_id": event_id, "vin": one.given_vin or one.vin})
            needs_nobody_now = needs_nobody(held, self._now())
        except TokenNeverTaken:
            raise
        except (Trouble, ValueError, RecursionError) as error:
            trouble = trouble_of(error)
            if not trouble.about_one:
                self._gate.fail(trouble, began, asyncio.get_running_loop().time())
                return
            log.warning("The test event of deployment %s cannot be looked at: %s.", one.deployment_id, trouble)
            needs_nobody_now = True
        self._gate.succeed()
        if not needs_nobody_now:
            one.seen_open_at = self._steady()
        if needs_nobody_now is False:
            one.reminders += 1
            await self._emit(one, unfinished_for=round(self._steady() - one.changed_at))
        elif needs_nobody_now:
            one.is_finished = True
            self._file.keep(one)

    async def _emit(self, one: Deployment, **more: t.Any) -> None:
        if one.is_replaced:
            return
        await self._queue.put(one.event(self._now(), **more))
        self._file.keep(one)

    def _tell(self, subject: str, line: str) -> None:
        """Log a line unless it is the last that was logged of this subject."""
        if self._told.get(subject) != line:
            self._told[subject] = line
            log.warning("%s", line)


def deployment_of(entry: t.Any) -> Deployment:
    """Return the deployment that an id or a dictionary names.

    :raises ValueError: it names none.
    """
    fields = dict(entry) if isinstance(entry, dict) else {"deployment_id": entry}
    deployment_id, vin = id_of(fields.pop("deployment_id", None)), fields.pop("vin", None)
    if not deployment_id:
        raise ValueError(f"deployments has {str(entry)[:80]!r}, which names no deployment; give an id of SUMS.")
    for name in OTHER_IDS:
        if fields.get(name) in (None, ""):
            continue
        text = id_of(fields[name])
        if not text:
            value = str(fields[name])[:80]
            raise ValueError(f"deployments has {deployment_id} with the {name} {value!a}; give an id of SUMS.")
        fields[name] = text
    vin = str(vin or "").strip()
    return Deployment(deployment_id, vin, fields, given_vin=vin)


def id_of(value: t.Any) -> str:
    """Return an id as text; empty if it is none that can stand in a path."""
    text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if text not in (".", "..") and len(text) <= MAX_ID and text.isprintable() else ""


def trouble_of(error: Exception) -> Trouble:
    """Return what an error means that came when one deployment was looked at."""
    if isinstance(error, Trouble):
        return error
    return Trouble(f"there was an unexpected error ({type(error).__name__}: {error})", about_one=True)


def read_list(path: str) -> tuple[list[t.Any], list[str]]:
    """Return the ids and dictionaries that the lines of a file hold, and in words which lines cannot be read.

    A last line without an end is left for later.
    """
    found: list[t.Any] = []
    broken = []
    for number, line in enumerate(Path(path).read_bytes().splitlines(keepends=True), 1):
        try:
            text = line.decode().strip()
            if text and not text.startswith("#") and line.endswith(b"\n"):
                found.append(json.loads(text) if text.startswith("{") else text)
        except (ValueError, RecursionError) as error:
            if line.endswith(b"\n"):
                broken.append(f"deployments_file {path} cannot be read in line {number}, which is left out: {error}")
    return found, broken


class Sums:
    """Asks SUMS."""

    def __init__(self, session: aiohttp.ClientSession, options: Record) -> None:
        self._session = session
        self._base_url = options["base_url"]
        self._token_file = options["token_file"]
        self._token: str = read_token(self._token_file) if self._token_file else options["token"]
        self._timeout = options["timeout"]
        self._proxy = proxy_for(self._base_url)
        self._has_answered = False
        self._refused: set[str] = set()

    async def fetch(self, deployment_id: str) -> Record:
        """Return what SUMS says of a deployment.

        :raises Trouble: there was no usable answer.
        :raises TokenNeverTaken: SUMS has never taken the token, and there is no file with another one.
        """
        return await self._ask("GET", "deployments", deployment_id)

    async def fetch_test(self, given: Record) -> Record:
        """Return what SUMS says of the test event that was given with a deployment.

        Where SUMS has no call to read one, a change of nothing is sent; where it refuses that, the event that it has.

        :param given: ``test_event_id``, ``target_event_id`` and ``vin``; the last two may be empty.
        :raises Trouble: there was no usable answer, or one about another vehicle.
        """
        vin = str(given.get("vin") or "")
        held = await self._show_test(str(given["test_event_id"]), str(given.get("target_event_id") or ""), vin)
        if vin and vin_of(held) not in ("", vin.upper()):
            raise Trouble("SUMS answered about a test event of another vehicle", about_one=True)
        return held

    async def _show_test(self, test_event_id: str, event_id: str, vin: str) -> Record:
        try:
            with contextlib.suppress(Refused):
                return await self._ask("GET", "test_events", test_event_id)
            try:
                return await self._ask("PATCH", "test_events", test_event_id, {})
            except Refused:
                if not event_id:
                    raise
            await self._require_event_of(event_id, vin)
            return await self._ask("PATCH", "test_events", test_event_id, {"event_id": event_id})
        except Refused as refused:
            raise Trouble(str(refused), about_one=True) from None

    async def _require_event_of(self, event_id: str, vin: str) -> None:
        """Make sure that SUMS has kept an event, before a test event is linked to it.

        A SUMS that lost its records gives the ids again, so both may be of another vehicle.

        :raises Trouble: it is not known to be of this vehicle.
        """
        event = await self._ask("GET", "events", event_id)
        if not vin or vin_of(event) != vin.upper():
            raise Trouble(f"SUMS does not show that event {event_id} is of this vehicle", about_one=True)

    async def _ask(self, method: str, kind: str, record_id: str, body: Record | None = None) -> Record:
        if id_of(record_id) != record_id:
            raise Trouble(f"{record_id[:80]!a} is not a valid id of SUMS", about_one=True)
        try:
            async with asyncio.timeout(self._timeout):
                try:
                    answer = await self._send(method, f"{kind}/{quote(record_id, safe='')}", body)
                except TokenRefused:
                    if not self._reread_token():
                        raise
                    answer = await self._send(method, f"{kind}/{quote(record_id, safe='')}", body)
        except TokenRefused as trouble:
            is_for_all = record_id in self._refused or len(self._refused) == MOST_REFUSED
            self._refused.add(record_id)
            if is_for_all and not self._has_answered and not self._token_file:
                raise TokenNeverTaken(f"{trouble}; give another token, or token_file.") from None
            raise
        except Refused:
            self._has_answered = True
            raise
        except TimeoutError:
            raise Trouble(f"no whole answer within {self._timeout:g} s") from None
        except aiohttp.ClientError as error:
            raise Trouble(f"no connection to {urlsplit(self._base_url).netloc} ({type(error).__name__})") from None
        self._has_answered = True
        own = [answer[key] for key in (f"{kind.removesuffix('s')}_id", "id") if key in answer][:1]
        if own and str(own[0]) != record_id:
            what = kind.removesuffix("s").replace("_", " ")
            raise Trouble(f"SUMS answered about another {what}", about_one=True)
        return answer

    async def _send(self, method: str, path: str, body: Record | None) -> Record:
        async with self._session.request(
            method,
            f"{self._base_url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self._token}", "Accept": "application/json"},
            allow_redirects=False,
            proxy=self._proxy,
        ) as response:
            status = response.status
            if status >= 300:
                raise refusal(status, response.headers.get("Retry-After", ""))
            content = await response.content.read(MAX_ANSWER + 1)
            while len(content) <= MAX_ANSWER and (more := await response.content.read(MAX_ANSWER)):
                content += more
        try:
            answer = json.loads(content) if len(content) <= MAX_ANSWER else None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise Trouble("SUMS answered with something else than an object in JSON; is base_url its address")
        return answer

    def _reread_token(self) -> bool:
        before = self._token
        if self._token_file:
            with contextlib.suppress(ValueError):
                self._token = read_token(self._token_file)
        return self._token != before


def refusal(status: int, retry_after: str) -> Trouble:
    """Return what an answer with a status of 300 or more means."""
    if status in (401, 403):
        return TokenRefused(f"SUMS answered {status}: the token is wrong, expired or lacks the right")
    if status == 404:
        return Refused("SUMS does not know it; check the id and base_url", about_one=True)
    if status < 400:
        return Trouble(f"SUMS answered {status}; set base_url to the final address")
    if status in (400, 405, 409, 422):
        return Refused(f"SUMS answered {status}")
    pause = parse_retry_after(retry_after) or (BUSY_PAUSE if status == 429 else 0.0)
    return Trouble(f"SUMS answered {status}", retry_after=pause)


def parse_retry_after(value: str) -> float:
    """Return the seconds that a Retry-After header asks for, at most six hours; 0 if it asks for nothing."""
    try:
        seconds = (
            float(value)
            if value.strip().isdigit()
            else email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        )
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(LONGEST_RETRY_AFTER, max(0.0, seconds))


def read_token(path: str) -> str:
    """Return the token that a file holds.

    :raises ValueError: the file cannot be read or holds none.
    """
    try:
        return check_token(Path(path).read_text(encoding="ascii"), f"token_file {path}")
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"token_file {path} cannot be read; write the token there.") from None


def check_token(value: str, source: str) -> str:
    """Return the token without surrounding white space.

    :raises ValueError: it is empty or cannot stand in a header; its value is not shown.
    """
    token = value.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"{source} is empty or holds characters that no token has; copy it anew.")
    return token


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def options_of(args: Record) -> Record:
    """Return all options, checked.

    :raises ValueError: one is missing or malformed.
    """
    if unknown := sorted(set(args) - OPTIONS.keys() - {OF_RULEBOOK}):
        raise ValueError(f"{unknown[0]} is not an option of sums_deployments; it has {', '.join(OPTIONS)}.")
    given = {name: value for name, value in args.items() if value is not None and name in OPTIONS}
    without_environment = {"token": "", "token_file": ""} if given.get("token") or given.get("token_file") else {}
    options = {**OPTIONS, **without_environment, **given}
    leasts = {"poll_interval": 0.01, "timeout": 0.01, "stall_after": 0.0, "unfinished_after": 0.0, "concurrency": 1}
    for name, least in leasts.items():
        try:
            options[name] = type(OPTIONS[name])(options[name])
        except (TypeError, ValueError):
            raise ValueError(f"{name} is {str(options[name])[:40]!r}; give a number.") from None
        if not least <= options[name] <= 30 * 86400:
            raise ValueError(f"{name} is {options[name]:g}; give at least {least:g}, and at most 30 days.")
    options["base_url"] = check_base_url(str(options["base_url"]))
    check_states(options)
    options["verify_tls"] = str(options["verify_tls"]).strip().lower() not in ("false", "no", "off", "0")
    if isinstance(options["deployments"], str):
        options["deployments"] = options["deployments"].replace(",", " ").split()
    if not isinstance(options["deployments"], list):
        raise ValueError("deployments is not a list; give ids, or a deployments_file.")
    for entry in options["deployments"]:
        deployment_of(entry)
    if not options["deployments"] and not options["deployments_file"]:
        raise ValueError("There is nothing to watch; give deployments or deployments_file.")
    if not options["token_file"]:
        options["token"] = check_token(str(options["token"]), "token")
    return options


def check_states(options: Record) -> None:
    """Put the states that end a deployment into capitals.

    :raises ValueError: an option names none, or both name the same.
    """
    names = ("success_states", "failure_states")
    for name in names:
        given = options[name]
        states = given.split(",") if isinstance(given, str) else given
        if not isinstance(states, list) or not all(isinstance(state, str) for state in states):
            raise ValueError(f"{name} is {str(given)[:80]!r}; give a list of states.")
        options[name] = [canonical(state) for state in states]
        if not states or {"", UNKNOWN} & set(options[name]):
            raise ValueError(f"{name} is empty or holds an empty state; give those of hatci_{name}.")
    if both := set(options[names[0]]) & set(options[names[1]]):
        raise ValueError(f"{min(both)} is in success_states and in failure_states; it cannot be both.")


def check_base_url(value: str) -> str:
    """Return the base URL without trailing slashes.

    :raises ValueError: it is not an absolute http(s) URL of a host.
    """
    url = urlsplit(value.strip())
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query or url.fragment:
        raise ValueError("base_url is not a valid address of a server; give it as https://HOST, without /api/v1.")
    return value.strip().rstrip("/").removesuffix("/api/v1")


def tls_of(options: Record) -> ssl.SSLContext | bool:
    """Return how certificates are verified.

    :raises ValueError: the file with authorities cannot be read.
    """
    if not options["verify_tls"]:
        return False
    try:
        return ssl.create_default_context(cafile=options["ca_path"] or None)
    except OSError as error:
        raise ValueError(f"ca_path {options['ca_path']} cannot be used ({error}); give a PEM file.") from None


async def main(queue: t.Any, args: Record) -> None:
    """Watch deployments until cancelled; ansible-rulebook calls this."""
    options = options_of(args)
    connector = aiohttp.TCPConnector(limit=options["concurrency"], ssl=tls_of(options))
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout()) as session:
        sums = Sums(session, options)
        await Watcher(queue, options, sums.fetch, fetch_test=sums.fetch_test).run()
