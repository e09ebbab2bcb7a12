# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way in which this controller says no."""

from __future__ import annotations


class Refused(Exception):
    """A call is answered with this gRPC status. The code is a name of ``grpc.StatusCode``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def not_found(kind: str, name: str) -> Refused:
    """Kubernetes' own error, which the real controller passes on without a gRPC code."""
    return Refused("UNKNOWN", f'{kind}.jumpstarter.dev "{name}" not found')
