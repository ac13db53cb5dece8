"""Looking at many exports at once: one that hangs holds nobody up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from ingest.exports import nbd, nfs
from ingest.exports.address import NBD, NFS, Address
from ingest.exports.look import Look
from ingest.exports.reasons import ExportError

Found = Look | ExportError
LOOKS: dict[str, Callable[..., Look]] = {NBD: nbd.look, NFS: nfs.look}  # by protocol
_AT_ONCE = 16


def look_at_all(addresses: Collection[Address], *, deadline: timedelta) -> Mapping[Address, Found]:
    """Look at each export, up to 16 at a time.

    Args:
        addresses: what to look at.
        deadline: how long one look may take.

    Returns:
        What each showed, or why it could not be looked at.
    """
    ordered = sorted(set(addresses))
    if not ordered:
        return {}

    def one(address: Address) -> Found:
        try:
            look = LOOKS[address.scheme]
            return look(address.host, address.port, address.export, deadline=deadline)
        except ExportError as error:
            return error

    with ThreadPoolExecutor(min(_AT_ONCE, len(ordered)), thread_name_prefix="export") as pool:
        return dict(zip(ordered, pool.map(one, ordered), strict=True))
