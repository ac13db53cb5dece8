"""How arrays and paths are: /proc/mdstat, and what multipathd checks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgraph.sourcekit import parsed

_ARRAY = re.compile(r"^(md\S+) : (\S+)")
_MEMBERS = re.compile(r"\[(\d+)/(\d+)\] \[[U_]+\]")


def degraded_arrays(mdstat: str) -> Mapping[str, str]:
    """Return array -> what it lacks, "" where it lacks nothing; none where md is not there."""
    found: dict[str, str] = {}
    array = ""
    for line in mdstat.splitlines():
        head = _ARRAY.match(line)
        if head is not None:
            array = head[1]
            found[array] = "" if head[2] == "active" else f"it is {head[2]}"
            continue
        members = _MEMBERS.search(line) if array else None
        if members is not None and members[1] != members[2]:
            found[array] = f"{members[2]} of {members[1]} members are left"
    return found


def path_states(text: str, where: str) -> Mapping[str, str]:
    """Return device -> what multipathd finds wrong with the path, "" where nothing.

    Raises:
        SourceError: the answer has another shape.
    """
    if not text:
        return {}
    paths = (
        path
        for each in parsed(text, f"{where}: multipathd").at("maps").each()
        for group in each.at("path_groups").each()
        for path in group.at("paths").each()
    )
    return {
        path.needed("dev"): ""
        if path.text("chk_st") in {"ready", "ghost"}
        else f"multipathd finds it {path.text('chk_st')} ({path.text('dm_st')})"
        for path in paths
    }
