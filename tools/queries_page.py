"""`python -m tools.queries_page > docs/queries.md`: the shipped queries, from their headers."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cypher import Query, queries
from kgraph.app.queries import ANSWERS

_HEAD = """\
# Queries
Questions that a graph on a Neo4j server answers, one file each under `cypher/`. This page is made
of their headers by `python -m tools.queries_page`; `tests/project/test_queries_page.py` holds it
to them, `tests/cypher` asks each on a real server and checks the answer.

```sh
kgraph cypher list --topic impact                                # what there is
kgraph cypher show impact/blast_radius                           # to paste into Neo4j Browser
kgraph cypher run impact/blast_radius --param uid=h1.dc1         # entities by name or uid
kgraph cypher run history/migrations --param since=-2h --param until=0s -o json
kgraph cypher browser DIR                                        # for drag and drop, see below
```

Those marked *any store* are answered by the embedded store, too, with the same rows in the same
order (`tests/cypher/test_parity.py`). A query only reads: one that would write is refused.

## In Neo4j Browser
`kgraph cypher browser DIR` writes `kgraph.grass`, a style sheet with a colour for each kind and
red for what is to blame now; `kgraph-favourites.zip`, the queries in one folder for each topic;
and a guide. Drag the first two onto the Browser (5.24 was tried, in Chromium: `tests/browser`).

## Your own
A new query is one new file, `cypher/TOPIC/NAME.cypher`. Its first lines say what it answers, asks
for (or `none`), returns (or `nothing`) and is ordered by (or `none`); each column has a line:

```cypher
// Guests that run on one host, by name.
// params:  $uid STRING, the host
// returns: uid STRING, guest STRING (name)
// order:   guest
MATCH (guest:VirtualMachine)-[:RUNS_ON]->(:Entity:Host {uid: $uid})
RETURN
  guest.uid AS uid,
  guest.name AS guest
ORDER BY guest
```

`kgraph cypher list` says what is missing. One that kgraph shall ship needs a test under
`tests/cypher` that asks it, and this page made anew by the command above.
"""


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    found = list(queries().values())
    for topic in sorted({query.topic for query in found}):
        parts.append(f"## {topic.replace('_', ' ').capitalize()}\n")
        rows = (query for query in found if query.topic == topic)
        parts.append("\n".join(_entry(query) for query in rows) + "\n")
    return "\n".join(parts)


def _entry(query: Query) -> str:
    where = " *(any store)*" if query.name in ANSWERS else ""
    return f"**`{query.name}`**{where}  \n" + "  \n".join(_lines(query)) + "\n"


def _lines(query: Query) -> Iterator[str]:
    yield query.title
    if query.params:
        asks = (f"`${row.name}` {row.type}" + _about(row.about, ", ") for row in query.params)
        yield "asks for " + "; ".join(asks)
    if query.returns:
        columns = (f"`{row.name}`" + _about(row.about, " (", ")") for row in query.returns)
        yield "returns " + ", ".join(columns)


def _about(text: str, before: str, after: str = "") -> str:
    return f"{before}{text}{after}" if text else ""


if __name__ == "__main__":
    sys.stdout.write(page())
