"""Machines and services of the stored graph by name, for sources that point at them.

Making the index takes seconds on a large estate, and dozens of sources want it: so it holds only
the kinds that are asked for, and stands until the topology changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

from kgraph.schema import Subgraph
from kgraph.signals import EstateIndex
from kgraph.sourcekit import MACHINES, Alias
from kgraph.sourcekit.machines import Told
from kgraph.store import GraphStore

_made: WeakKeyDictionary[GraphStore, tuple[int, frozenset[str], EstateIndex]] = WeakKeyDictionary()


def known(store: GraphStore, items: Iterable[Told]) -> EstateIndex:
    """Return an index of all that machines and aliases among `items` may be.

    The one who keeps readings calls it, one at a time.
    """
    kinds = frozenset(MACHINES).union(*(i.kinds for i in items if isinstance(i, Alias)))
    version = store.version()
    made = _made.get(store)
    if made is not None and made[0] == version:
        if kinds <= made[1]:
            return made[2]
        kinds |= made[1]
    entities = tuple(entity for kind in sorted(kinds) for entity in store.find(kind=kind))
    index = EstateIndex.of(Subgraph(entities, ()))
    _made[store] = (version, kinds, index)
    return index
