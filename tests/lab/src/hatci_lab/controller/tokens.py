# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearer tokens: who a client or an exporter is, and which stream a router peer may join."""

from __future__ import annotations

import datetime
import secrets
import time
from pathlib import Path

import jwt

from hatci_lab.controller.errors import Refused

_ALGORITHM = "HS256"
_INTERNAL_ISSUER = "https://jumpstarter.lab.invalid"
_ROUTER_AUDIENCE = "https://jumpstarter.dev/router"
_CONTROLLER_AUDIENCE = "https://jumpstarter.dev/controller"
_REJECTED = Refused("UNAUTHENTICATED", "failed to authenticate token")

_BAD_SIGNATURE = Refused(
    "UNKNOWN", "oidc: verify token: failed to verify signature: failed to verify id token signature"
)


class TokenIssuer:
    def __init__(self, key_file: Path) -> None:
        if not key_file.exists():
            key_file.touch(mode=0o600)
            key_file.write_text(secrets.token_hex(32))
        self._key = key_file.read_text()

    def issue(self, subject: str, *, lifetime: float = 86400.0, issuer: str = _INTERNAL_ISSUER) -> str:
        return self._sign(subject, _CONTROLLER_AUDIENCE, lifetime, issuer)

    def verify(self, token: str) -> str:
        return self._subject(token, _CONTROLLER_AUDIENCE)

    def issue_stream(self, stream: str) -> str:
        return self._sign(stream, _ROUTER_AUDIENCE, 1800.0, "https://jumpstarter.dev/stream")

    def verify_stream(self, token: str) -> str:
        return self._subject(token, _ROUTER_AUDIENCE)

    def _sign(self, subject: str, audience: str, lifetime: float, issuer: str) -> str:
        now = int(time.time())
        claims = {"iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + int(lifetime)}
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def _subject(self, token: str, audience: str) -> str:
        try:
            claims = jwt.decode(
                token, self._key, algorithms=[_ALGORITHM], audience=audience, options={"verify_exp": False}
            )
        except jwt.InvalidSignatureError as error:
            raise _BAD_SIGNATURE from error
        except jwt.InvalidTokenError as error:
            raise _REJECTED from error
        if claims["exp"] <= time.time():
            expiry = datetime.datetime.fromtimestamp(claims["exp"], datetime.UTC)
            raise Refused("UNKNOWN", f"oidc: verify token: oidc: token is expired (Token Expiry: {expiry})")
        return str(claims["sub"])
