"""What Jaeger has gathered: which service called which."""

from __future__ import annotations

from kgraph.sourcekit import parsed


def dependencies(content: bytes, where: str) -> list[tuple[str, str]]:
    """Return (caller, called), each once.

    Raises:
        SourceError: the answer has another shape.
    """
    root = parsed(content, where)
    if "data" not in dict(root.pairs()):
        raise root.wrong("Jaeger's list of dependencies")
    rows = (
        (row.needed("parent"), row.needed("child"))
        for row in root.at("data").each()
        if row.whole("callCount")
    )
    return list(dict.fromkeys(rows))
