# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that anyone may have written, and that whoever reads it after us must be able to read."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError

try:
    import yaml

    HAS_YAML = True
except ImportError:
    HAS_YAML = False


class InvalidYaml(Exception):
    """A text is not YAML.

    ``str()`` says where and why, such as "not valid YAML in line 3 (this is not a valid timestamp)"; it quotes nothing
    that could be a secret.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        where = "" if line is None else f" in line {line}"
        super().__init__(f"not valid YAML{where} ({problem})")


def parse_yaml(text: str) -> t.Any:
    """Parse YAML.

    :raises InvalidYaml: it is none, or has a value that cannot be, such as a date in month 13.
    :raises InputError: PyYAML is missing.
    """
    require_yaml()
    try:
        return yaml.load(text, _loader())  # noqa: S506  # it is a safe one
    except RecursionError:
        raise InvalidYaml("nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        raise InvalidYaml(_unquoted(problem), mark.line + 1 if mark else None) from None
    except (OverflowError, ValueError):
        # An escape such as \UFFFFFFFF, which PyYAML itself does not check.
        raise InvalidYaml("a text has an escape that is not a character") from None


def write_yaml(value: t.Any) -> str:
    """Return plain values as YAML.

    :raises InputError: PyYAML is missing.
    """
    require_yaml()
    return str(yaml.safe_dump(value))


def require_yaml() -> None:
    """Make sure that YAML can be read and written here.

    :raises InputError: PyYAML is missing.
    """
    if not HAS_YAML:
        raise InputError("The Python library PyYAML is missing; install it where this task runs.")


def _loader() -> t.Any:
    class Loader(yaml.SafeLoader):
        """Tells where a value is that cannot be, for which PyYAML has all kinds of errors."""

        def construct_object(self, node: t.Any, deep: bool = False) -> t.Any:
            try:
                return super().construct_object(node, deep)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
                kind = node.tag.rpartition(":")[2]
                problem = f"this is not a valid {kind}"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    return Loader


def _unquoted(problem: str) -> str:
    """Return PyYAML's words without what they quote, unless that is a single sign or PyYAML's own, such as <scalar>."""
    return re.sub(
        r"'([^']*)'|\"([^\"]*)\"",
        lambda quoted: quoted[0] if len(quoted[0]) <= 3 or quoted[0][1] == "<" else "'...'",
        problem,
    )
