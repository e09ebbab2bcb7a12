# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads who calls from the metadata of a gRPC call and checks that the token says the same."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from grpc.aio import ServicerContext

from hatci_lab.controller.errors import Refused
from hatci_lab.controller.leases import LeaseBook
from hatci_lab.controller.tokens import TokenIssuer

Kind = Literal["Client", "Exporter"]
Context: TypeAlias = ServicerContext[Any, Any]

NAMESPACE = "lab"


def metadata(context: Context) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


def bearer(context: Context) -> str:
    header = metadata(context).get("authorization")
    if header is None:
        raise Refused("UNAUTHENTICATED", "missing authorization header")
    scheme, _unused, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Refused("INVALID_ARGUMENT", "malformed authorization header")
    return token


def subject_of_client(name: str, uid: str) -> str:
    """A client that was deleted and made anew has another id, so its old tokens are no good."""
    return f"client:{NAMESPACE}:{name}:{uid}"


def subject_of_exporter(name: str) -> str:
    return f"exporter:{NAMESPACE}:{name}"


class Authenticator:
    def __init__(self, tokens: TokenIssuer, book: LeaseBook) -> None:
        self._tokens = tokens
        self._book = book

    def caller(self, context: Context, kind: Kind) -> str:
        """The name of the calling client or exporter."""
        claimed = metadata(context)
        name = claimed.get("jumpstarter-name", "")
        if claimed.get("jumpstarter-kind") != kind:
            raise Refused("INVALID_ARGUMENT", "object kind mismatch")
        if claimed.get("jumpstarter-namespace") != NAMESPACE:
            raise Refused("PERMISSION_DENIED", "namespace mismatch")
        subject = self._tokens.verify(bearer(context))
        if subject != self._expected_subject(kind, name):
            raise Refused("PERMISSION_DENIED", f"permission denied for {kind.lower()} {NAMESPACE}/{name}")
        return name

    def _expected_subject(self, kind: Kind, name: str) -> str:
        if kind == "Client":
            return subject_of_client(name, self._book.uid(name))
        return subject_of_exporter(self._book.exporter(name).name)
