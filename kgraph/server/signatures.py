"""HMAC-SHA256 of a request's body."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum

TOLERANCE_SECONDS = 300  # between the sender's clock and ours


class Signed(Enum):
    """How a signature stands."""

    GOOD = "good"
    MISSING = "no signature"
    FORGED = "the signature does not fit the body"
    LATE = "the signature's time is too far from now"
    REPLAYED = "this request was received before"


def verdict(form: str, text: str, body: bytes, key: bytes, now: float) -> Signed:
    """Tell how a signature stands, but for whether it was seen before.

    Args:
        form: `timed`: t=SECONDS,v1=HEX over `SECONDS.BODY`; `plain`: HEX or sha256=HEX; `listed`:
            v1=HEX, as often as there are keys, of which one must fit.
        text: the header's value.
        body: what is signed.
        key: the shared secret.
        now: seconds since 1970.
    """
    if not text:
        return Signed.MISSING
    if form == "plain":
        return _fits(text.removeprefix("sha256="), body, key)
    if form == "listed":
        given = (part.strip().partition("=")[::2] for part in text.split(","))
        fits = [_fits(hexed, body, key) for name, hexed in given if name == "v1"]
        return Signed.GOOD if Signed.GOOD in fits else Signed.FORGED
    parts = _parts(text)
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdigit()):
        return Signed.FORGED
    found = _fits(parts.get("v1", ""), stamp.encode() + b"." + body, key)
    # Looked at second: who cannot sign learns nothing of our clock.
    if found is Signed.GOOD and abs(now - int(stamp)) > TOLERANCE_SECONDS:
        return Signed.LATE
    return found


def once(text: str, body: bytes) -> str:
    """Return what two requests share that were signed once, however the header is written."""
    stamp = _parts(text).get("t", "")
    return hashlib.sha256(stamp.encode() + b"." + body).hexdigest()


def _parts(text: str) -> dict[str, str]:
    return dict(part.strip().partition("=")[::2] for part in text.split(","))


def _fits(given: str, body: bytes, key: bytes) -> Signed:
    wanted = hmac.new(key, body, hashlib.sha256).hexdigest()
    fits = hmac.compare_digest(wanted.encode(), given.strip().lower().encode())
    return Signed.GOOD if fits else Signed.FORGED
