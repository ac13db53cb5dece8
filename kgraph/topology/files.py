"""The arrays as bytes, to be kept beside a store: what is read is what was written, or nothing."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np

from kgraph.topology.arrays import Topology, indexed
from kgraph.topology.gates import Rows

_HEAD = b"kgraph topology 1\n"  # with the version of this form
_DIGEST = 32


class DamagedError(ValueError):
    """The bytes are no topology of this version."""


def pack(topology: Topology, mark: str) -> bytes:
    """Return the topology as bytes, under a mark that says of which state of which store it is.

    Uids must be without line breaks, as those of stores are.
    """
    names = sorted(set(topology.kinds))
    codes = {name: code for code, name in enumerate(names)}
    about = {"mark": mark, "types": topology.type_names, "kinds": names, "capped": topology.capped}
    out = io.BytesIO()
    np.savez(
        out,
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        uids=np.frombuffer("\n".join(topology.uids).encode(), np.uint8),
        kind=np.fromiter((codes[kind] for kind in topology.kinds), np.int32, len(topology)),
        owner=topology.owner,
        type_code=topology.type_code,
        need=topology.need,
        sizes=np.diff(topology.member_start),
        member=topology.member,
    )
    data = out.getvalue()
    return _HEAD + hashlib.sha256(data).digest() + data


def unpack(data: bytes) -> tuple[Topology, str]:
    """Return a packed topology and its mark.

    Raises:
        DamagedError: cut short, changed, or of another version.
    """
    head, digest = data[: len(_HEAD)], data[len(_HEAD) : len(_HEAD) + _DIGEST]
    body = memoryview(data)[len(_HEAD) + _DIGEST :]
    if head != _HEAD:
        raise DamagedError("not a topology of this version")
    if hashlib.sha256(body).digest() != digest:
        raise DamagedError("cut short or changed")
    with np.load(io.BytesIO(body), allow_pickle=False) as file:
        about = json.loads(file["about"].tobytes())
        text = file["uids"].tobytes().decode()
        rows = Rows(
            owner=file["owner"],
            type_names=tuple(about["types"]),
            type_code=file["type_code"],
            need=file["need"],
            sizes=file["sizes"],
            member=file["member"],
        )
        kinds = tuple([about["kinds"][code] for code in file["kind"].tolist()])
    capped = tuple((uid, line) for uid, line in about["capped"])
    uids = tuple(text.split("\n")) if text else ()
    index = {uid: i for i, uid in enumerate(uids)}
    return indexed(uids, index, kinds, rows, capped), about["mark"]
