"""A token in two halves, so that a browser can hold it and none of its parts gives it away.

One half is random, the page keeps it and sends it as a header; the other is the token XORed with
it, in a cookie that no script can read. Either alone is random bytes (a one-time pad), so neither
a service on another port of this machine, which is sent the cookie too, nor a script that reads
what the page keeps learns the token. No other site can send the header, so none can write
through somebody's browser.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from starlette.requests import Request

COOKIE, HEADER = "kgraph_half", "X-Kgraph-Half"
SECONDS = 12 * 3600  # a shift; then one logs in again


def split(token: str, random: Callable[[int], bytes]) -> tuple[str, str]:
    """Return a token as two texts that give it back together.

    Args:
        token: any text.
        random: makes so many random bytes.
    """
    plain = token.encode()
    pad = random(len(plain))
    return _text(pad), _text(_xor(plain, pad))


def joined(pad: str, rest: str) -> str:
    """Return the token of two halves; empty where they are none."""
    try:
        one, other = _bytes(pad), _bytes(rest)
        return _xor(one, other).decode() if len(one) == len(other) else ""
    except (binascii.Error, ValueError):
        return ""


def token_of(request: Request) -> str:
    """Return the token that a request carries in two halves; empty: none."""
    pad, rest = request.headers.get(HEADER, ""), request.cookies.get(COOKIE, "")
    return joined(pad, rest) if pad and rest else ""


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
