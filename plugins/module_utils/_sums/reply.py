# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request to SUMS and the answer to it, which know each other, so that every error can name both."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.responses import Record

Kind = t.TypeVar("Kind", bound=errors.RequestError)


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, as messages name it.

    :param method: HTTP method.
    :param path: path below the base URL, without secrets.
    """

    method: str
    path: str

    def error(self, kind: type[Kind], words: str, **details: t.Any) -> Kind:
        """Return an error of this request.

        :param words: the rest of its sentence.
        """
        return kind(f"{self.method} {self.path}: {words}", method=self.method, path=self.path, **details)


@dataclasses.dataclass(frozen=True)
class Reply:
    """What SUMS answered to a request.

    :param value: a JSON value, without secrets.
    """

    request: Request
    value: t.Any

    @property
    def record(self) -> Record:
        """The answer as an object.

        :raises UnreadableAnswer: it is something else.
        """
        if isinstance(self.value, dict):
            return self.value
        raise self.error(
            errors.UnreadableAnswer,
            f"SUMS answered with {type(self.value).__name__} where an object must be; "
            "is hatci_base_url the address of SUMS?",
        )

    def error(self, kind: type[Kind], words: str, **details: t.Any) -> Kind:
        """Return an error of the request that this answers."""
        return self.request.error(kind, words, **details)
