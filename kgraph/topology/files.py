"""The arrays as bytes, to be kept beside a store: what is read must be what was written."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from kgraph.topology.arrays import Int, Rows, Topology, indexed

_FORMAT = 1
_COLUMNS = ("owner", "type_code", "need", "sizes", "member")


class DamagedError(ValueError):
    """The bytes are no topology of this version."""


def pack(topology: Topology, mark: str) -> bytes:
    """Return the topology as bytes, under a mark that says of which state of which store it is."""
    names = sorted(set(topology.kinds))
    codes = {name: code for code, name in enumerate(names)}
    about = {
        "format": _FORMAT,
        "mark": mark,
        "types": topology.type_names,
        "kinds": names,
        "capped": topology.capped,
    }
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
    return out.getvalue()


def unpack(data: bytes) -> tuple[Topology, str]:
    """Return a packed topology and its mark.

    Raises:
        DamagedError: cut short, changed, or of another version.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("about", "uids", "kind", *_COLUMNS)}
        about = _about(arrays["about"].tobytes())
        text = arrays["uids"].tobytes().decode()
        uids = tuple(text.split("\n")) if text else ()
        kinds = tuple([about["kinds"][code] for code in arrays["kind"].tolist()])
        rows = Rows(type_names=tuple(about["types"]), **{c: _ints(arrays[c]) for c in _COLUMNS})
        _check(rows, len(uids), len(kinds))
        capped = tuple((uid, line) for uid, line in about["capped"])
        return indexed(uids, kinds, rows, capped), str(about["mark"])
    except DamagedError:
        raise
    except (ValueError, KeyError, IndexError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise DamagedError(str(error)) from error


def _about(text: bytes) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(text)
    if about["format"] != _FORMAT:
        raise DamagedError(f"format {about['format']}")
    return about


def _ints(array: Int) -> Int:
    if array.dtype != np.int32 or array.ndim != 1:
        raise DamagedError("a column is not of 32-bit numbers")
    return array


def _check(rows: Rows, entities: int, kinds: int) -> None:
    """See that every index points at something."""
    gates = len(rows.owner)
    lengths: Sequence[int] = (len(rows.type_code), len(rows.need), len(rows.sizes))
    if kinds != entities or any(length != gates for length in lengths):
        raise DamagedError("columns of different lengths")
    if int(rows.sizes.sum()) != len(rows.member) or np.any(rows.sizes < 1):
        raise DamagedError("gates without members")
    ranges = (
        (rows.owner, entities),
        (rows.member, entities),
        (rows.type_code, len(rows.type_names)),
    )
    for column, end in ranges:
        if column.size and (column.min() < 0 or column.max() >= end):
            raise DamagedError("an index points at nothing")
    if np.any(np.diff(rows.owner) < 0):
        raise DamagedError("gates out of order")
