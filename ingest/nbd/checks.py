"""Looking at many exports at once: one that hangs holds nobody up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from ingest.nbd.address import Address
from ingest.nbd.look import Look, look
from ingest.nbd.reasons import NbdError

Found = Look | NbdError
Ask = Callable[..., Look]  # (host, port, export, *, deadline), as `look` of any protocol
_AT_ONCE = 16


def look_at_all(
    addresses: Collection[Address], *, deadline: timedelta, ask: Ask | None = None
) -> Mapping[Address, Found]:
    """Look at each export, up to 16 at a time.

    Args:
        addresses: what to look at.
        deadline: how long one look may take.
        ask: how one is looked at; None: by NBD.

    Returns:
        What each showed, or why it could not be looked at.
    """
    ordered = sorted(set(addresses))
    if not ordered:
        return {}

    def one(address: Address) -> Found:
        try:
            return (ask or look)(address.host, address.port, address.export, deadline=deadline)
        except NbdError as error:
            return error

    with ThreadPoolExecutor(min(_AT_ONCE, len(ordered)), thread_name_prefix="nbd") as pool:
        return dict(zip(ordered, pool.map(one, ordered), strict=True))
