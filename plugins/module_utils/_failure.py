# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every failure has: a sentence for the tester, and what it makes of a test run."""

from __future__ import annotations

import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._text import printable

MAX_WORD = 320
"""What a backend said may be one word of 300 characters, with the sentence's own signs around it."""

LONGEST_HEAD, LONGEST_TAIL = 1200, 700
"""So many characters are shown of a message that is longer; what to do stands at its end."""


class Failure(Exception):
    """A failure with a sentence that says what was tried, what came back and what to do.

    :param message: the sentence; it never contains a secret.
    :param details: plain values that a playbook may want (ids, last state, status).
    """

    outcome = "ERROR"
    """What this makes of a test run: ERROR (it says nothing about the vehicle), FAIL or TIMEOUT."""

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def as_result(self) -> dict[str, t.Any]:
        """Return the failure as a module result."""
        return {"outcome": self.outcome, **self.details, "failed": True, "msg": sentence(self.message)}


def full_stop(text: str) -> str:
    """Return a message with the sign that ends a sentence, so that another one may follow."""
    return text if text.endswith(("?", "!")) else f"{text.rstrip('.')}."


def sentence(text: str) -> str:
    """Return a message on one line, it and each word of bearable length, whatever was quoted in it."""
    words = printable(text).split(" ")
    line = " ".join(word if len(word) <= MAX_WORD else word[: MAX_WORD - 3] + "..." for word in words)
    if len(line) <= LONGEST_HEAD + LONGEST_TAIL:
        return line
    return f"{line[:LONGEST_HEAD]} ... {line[-LONGEST_TAIL:]}"
