"""How a name that somebody gives is compared with what a store holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from kgraph.identity import canonical
from kgraph.schema import Key
from kgraph.store.results import Ambiguous


def spellings(text: str | None) -> list[str]:
    """Return the text and the canonical forms that it has in any namespace, sorted."""
    if not text:
        return []
    plain = (
        canonical(Key(namespace, text)) for namespace in ("vmUuid", "networkUuid", "hostname")
    )
    return sorted({text, *(key.value for key in plain if key)})


def canonical_value(namespace: str, value: str) -> str:
    """Return a key's value as it is compared; a placeholder stays as it is."""
    plain = canonical(Key(namespace, value))
    return plain.value if plain else value


def one(uids: Iterable[str]) -> str | Ambiguous | None:
    """Tell one from many from none."""
    found = tuple(uids)
    return Ambiguous(found) if len(found) > 1 else next(iter(found), None)
