# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``jmp`` program: argument lists in, JSON out, with each of its traps closed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter import errors
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.process import (
    CommandTimeout,
    CompletedCommand,
    run_bounded,
)
from ansible_collections.hatci.automation.plugins.module_utils._plain_json import parse_json, refuse_odd
from ansible_collections.hatci.automation.plugins.module_utils._text import ANSI, printable
from ansible_collections.hatci.automation.plugins.module_utils._watchers.environment import SECRETS
from ansible_collections.hatci.automation.plugins.module_utils._watchers.owner import Owner

CALL_SECONDS = 30.0
"""How long a call that only talks to the controller may take; ``jmp`` itself knows no limit."""

DROPPED = (
    *("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
    "JMP_LEASE",
    "JMP_OIDC_DEVICE_FLOW",
    *SECRETS,
)
"""Colours get into JSON, a stray lease would be used, a login on another device would be waited for, and the secrets
of others are none of its business."""

LEASE_VARIABLE = "HATCI_LEASE"
"""Environment variable by which everything that works for a lease can be found and ended."""

FRAME_START, FRAME_END, FRAME_SIDE = "\u256d", "\u2570", "\u2502 "
"""``jmp`` draws frames around tracebacks."""

LONGEST_TEMPORARY_DIRECTORY = 105 - len("/jumpstarter-xxxxxxxx/socket")
"""``jmp shell`` listens on a socket there, whose path the kernel takes up to this length only."""

QUOTED = re.compile(r"(?<=input_value=).*?(?=, input_type=)")
"""From a config that it refuses ``jmp`` quotes what it read there, which can be a token."""

TOKEN = re.compile(r"""(?:^|[\s{,"'])(?:refresh_)?token["']?\s*:\s*(?:[>|][-+]?\s*)?["']?([^\s"'{},]+)""", re.MULTILINE)
"""In a client config, found without PyYAML, which would make each keeper larger."""

JWT = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}")
SHORTEST_PIECE = 12
"""So few characters of a token are of no use to anybody."""

LONGEST_WORDS = 4000

EXHAUSTED = {
    errno.EMFILE: "there are no file descriptors left",
    errno.ENFILE: "there are no file descriptors left",
    errno.EAGAIN: "no further process can be started",
    errno.ENOMEM: "there is no memory left",
}


class Jmp:
    """Runs ``jmp``.

    ``lease`` marks all that is started from then on as working for that lease.

    :param owner: the ansible-playbook process; its end also ends what runs here.
    """

    def __init__(self, owner: Owner | None = None) -> None:
        self.lease = ""
        self._owner = owner

    @property
    def path(self) -> str:
        """Where it is now, since an upgrade can take it away for a moment.

        :raises JmpMissing: there is none on PATH or beside this Python.
        """
        return find_jmp()

    def require(self) -> None:
        """Make sure that there is a ``jmp``.

        :raises JmpMissing: there is none.
        """
        find_jmp()

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment for ``jmp``: ours, without what breaks its output."""
        kept = {name: value for name, value in os.environ.items() if name not in DROPPED}
        if self.lease:
            kept[LEASE_VARIABLE] = self.lease
        path = os.path.dirname(self.path) + os.pathsep + kept.get("PATH", os.defpath)
        if len(os.fsencode(tempfile.gettempdir())) > LONGEST_TEMPORARY_DIRECTORY:
            kept["TMPDIR"] = "/tmp"  # noqa: S108  # jmp makes a directory of its own in it
        return {**kept, "PATH": path, "COLUMNS": "400", "NO_COLOR": "1", **extra}

    def argv(self, *arguments: str) -> list[str]:
        """Return the whole argument list, with log lines kept off standard output."""
        return [self.path, "--log-level", "ERROR", *arguments]

    def run(
        self,
        *arguments: str,
        timeout: float = CALL_SECONDS,
        descriptor: int | None = None,
        beside: t.Sequence[str] = (),
        **extra_environment: str,
    ) -> CompletedCommand:
        """Run ``jmp`` and return how it ended, whatever its exit code.

        :param descriptor: an open file of which it gets a copy.
        :param beside: a program that starts ``jmp``, which it gets as further arguments, and ends as that ends.
        :raises JmpTimeout: it did not end in time.
        :raises InputError: what it is given is too long for Linux.
        """
        what = "jmp " + " ".join(word for word in arguments[:2] if not word.startswith("-"))
        path = self.path
        try:
            return run_bounded(
                [*beside, *self.argv(*arguments)],
                timeout=timeout,
                environment=self.environment(**extra_environment),
                owner=self._owner,
                descriptor=descriptor,
            )
        except CommandTimeout as error:
            said = self.said_by(error.finished, arguments) or "nothing"
            advice = (
                "It asks nobody for that, so this machine may have too much to do."
                if arguments[0] == "version"
                else "Is the Jumpstarter controller well, and is its address right?"
            )
            raise errors.JmpTimeout(
                f"{what} gave no answer within {timeout:g} s and was ended; it had said: {said}. {advice}"
            ) from None
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise errors.JmpFailed(
                    f"{what} cannot be run, since {EXHAUSTED[error.errno]} on this machine; close what is not needed, "
                    "or raise the limit (ulimit -n, ulimit -u)."
                ) from None
            if error.errno == errno.E2BIG:
                raise errors.InputError(
                    f"{what} cannot be run, since its arguments and the environment are longer than Linux takes; "
                    "shorten the selector or the environment."
                ) from None
            raise errors.JmpMissing(f"{path} cannot be run: {error.strerror}; install jumpstarter-cli.") from None

    def call(self, *arguments: str, timeout: float = CALL_SECONDS) -> str:
        """Run ``jmp`` and return what it printed.

        :raises JmpFailed: its exit code was not 0.
        """
        finished = self.run(*arguments, timeout=timeout)
        words = self.said_by(finished, arguments) or f"exit code {finished.exit_code}"
        if has_renewed_token(finished):
            finished = self.run(*arguments, timeout=timeout)
            words = self.said_by(finished, arguments) or f"exit code {finished.exit_code}"
        if finished.exit_code != 0:
            what = " ".join(word for word in arguments[:2] if not word.startswith("-"))
            raise errors.JmpFailed(f"jmp {what} failed: {words}", words=words)
        return finished.stdout

    def said_by(self, finished: CompletedCommand, arguments: t.Sequence[str]) -> str:
        """Return what ``jmp`` said as one short line, without the tokens that it was given."""
        tokens = tokens_of(arguments)
        words = plain_line(finished.stderr, tokens) or plain_line(finished.stdout, tokens)
        return words if words.endswith("...") else words.rstrip(".")

    def call_json(self, *arguments: str, timeout: float = CALL_SECONDS) -> t.Any:
        """Run ``jmp ... -o json`` and return what it printed.

        :raises JmpFailed: it failed, or printed no JSON.
        """
        printed = self.call(*arguments, "-o", "json", timeout=timeout)
        try:
            return parse_printed_json(printed)
        except ValueError:
            said = plain_line(printed, tokens_of(arguments)) or "nothing"
            raise errors.JmpFailed(
                f"jmp {' '.join(arguments[:2])} printed no JSON but: {said}. "
                "Is it the jmp of jumpstarter-cli 0.8 or newer?"
            ) from None


def has_renewed_token(finished: CompletedCommand) -> bool:
    """Whether ``jmp`` did nothing but renew its token, so that it can be run once more at once."""
    said = f"{finished.stderr}\n{finished.stdout}".lower()
    return finished.exit_code != 0 and "please try again now" in said


def find_jmp() -> str:
    """Return the path of ``jmp``: on PATH, else beside the Python that runs this."""
    beside = os.path.join(os.path.dirname(sys.executable), "jmp")
    found = shutil.which("jmp") or shutil.which(beside)
    if not found:
        raise errors.JmpMissing(
            "There is no jmp on PATH; install it with: pip install -r requirements.txt of this collection."
        )
    return found


def parse_printed_json(printed: str) -> t.Any:
    """Return the JSON object in what ``jmp`` printed, whatever stands around it; other JSON if there is no object.

    :raises ValueError: there is no JSON.
    """
    text = ANSI.sub("", printed)
    others = []
    for start in re.finditer(r"^\s*(?=[\[{\"])", text, re.MULTILINE):
        try:
            value, _end = json.JSONDecoder().raw_decode(text, start.end())
            value = parse_json(value) if isinstance(value, str) else value
            refuse_odd(value)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
        others.append(value)
    if not others:
        raise ValueError("no JSON")
    return others[0]


def plain_line(text: str, tokens: t.Sequence[str] = ()) -> str:
    """Return text as one short line without colours and secrets; of a traceback only what it ends with."""
    lines = [line.strip() for line in ANSI.sub("", text).splitlines() if line.strip()]
    if any(line.startswith("Traceback ") for line in lines):
        lines = lines[-1:]
    elif any(line.startswith(FRAME_END) for line in lines):
        lines = _last_words(lines)
    words = hide_tokens(QUOTED.sub("...", printable(" ".join(lines))), tokens)
    return words if len(words) <= 400 else "..." + words[-397:]


def hide_tokens(text: str, tokens: t.Sequence[str]) -> str:
    """Return text without tokens and pieces of them, and without whatever looks like a JWT."""
    text = text[-LONGEST_WORDS:]
    hidden = [False] * len(text)
    for token in tokens:
        for start in range(len(text) - SHORTEST_PIECE + 1):
            if text[start : start + SHORTEST_PIECE] in token:
                hidden[start : start + SHORTEST_PIECE] = [True] * SHORTEST_PIECE
    shown = "".join("\0" if hide else sign for sign, hide in zip(text, hidden, strict=True))
    return JWT.sub("...", re.sub("\0+", "...", shown))


def tokens_of(arguments: t.Sequence[str]) -> list[str]:
    """Return the tokens that ``jmp`` knows with these arguments."""
    given = dict(itertools.pairwise(arguments))
    home = pathlib.Path(os.path.expanduser(os.environ.get("JMP_CLIENT_CONFIG_HOME") or "~/.config/jumpstarter"))
    if "--client-config" in given:
        files = [pathlib.Path(given["--client-config"])]
    elif "--client" in given:
        files = [home / "clients" / f"{given['--client']}.yaml"]
    else:
        files = list(home.glob("clients/*.yaml"))
    found = [os.environ.get("JMP_TOKEN", "")]
    for file in files:
        with contextlib.suppress(OSError):
            found += TOKEN.findall(file.read_text(encoding="utf-8", errors="replace"))
    return [token for token in found if len(token) >= SHORTEST_PIECE]


def _last_words(lines: list[str]) -> list[str]:
    """Return the lines after the last frame that something follows, or the last framed ones."""
    words: list[str] = []
    for line in reversed([line.strip(FRAME_SIDE) for line in lines]):
        if line.startswith((FRAME_START, FRAME_END)):
            if words:
                break
        elif line:
            words.insert(0, line)
    return words
