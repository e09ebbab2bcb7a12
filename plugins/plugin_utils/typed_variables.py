# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's variables with the types that they have where they were set."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible import template
from ansible.errors import AnsibleError

KEEPS_TYPES = hasattr(template, "trust_as_template")
"""Whether this ansible-core (2.19 and newer) gives what a template names as it is. Older ones make text of a number, or
with jinja2_native a number of text."""


OF_EXPRESSIONS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What an expression may raise; older versions let it through."""


class TypedVariables:
    """Renders variables without turning text into numbers or numbers into text.

    :param templar: the task's.
    :param variables: the task's.
    """

    def __init__(self, templar: t.Any, variables: Mapping[str, t.Any]) -> None:
        self._variables = variables
        self._templar = templar if KEEPS_TYPES else _typed(templar)
        self._templar.available_variables = variables

    def get(self, name: str) -> t.Any:
        """Return a variable's value of plain types; None if it is not set or left to its default with ``omit``.

        :raises AnsibleUndefinedVariable: it refers to what is not set.
        :raises AnsibleError: it cannot be rendered.
        """
        if name not in self._variables:
            return None
        try:
            # Newer ones take what is omitted out of a mapping, older ones leave a placeholder there.
            value = self._templar.template({name: self._variables[name]}).get(name)
        except OF_EXPRESSIONS as error:
            raise AnsibleError(f"{type(error).__name__}: {error}") from None
        return None if value is not None and value == self._variables.get("omit") else _plain(value)


def _typed(templar: t.Any) -> t.Any:
    class TypedEnvironment(template.AnsibleNativeEnvironment):
        """Gives what a template names as it is, and joins what has several parts."""

        @staticmethod
        def concat(nodes: Iterable[t.Any]) -> t.Any:
            parts = list(nodes)
            return parts[0] if len(parts) == 1 else "".join(str(part) for part in parts)

    typed = templar.copy_with_new_env(environment_class=TypedEnvironment)
    typed.jinja2_native = True
    return typed


def _plain(value: t.Any) -> t.Any:
    """Return a value without what ansible-core wraps it in, such as vaulted text and lists that render when read."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value) if hasattr(value, "vault") else value
