"""`python -m tools.schema_page > docs/schema.md`: kinds, failure modes and relations."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from kgraph.schema import (
    GENERIC,
    GENERIC_MODES,
    KINDS,
    REDUCED,
    RELATIONS,
    UNOBSERVED,
    Carries,
    Severity,
)

_HEAD = """\
# Schema
What the graph is made of, declared once in `kgraph.schema` and derived from there: what sources
may say, the constraints in Neo4j, the style sheet for its Browser, and this page, which
`python -m tools.schema_page` makes and `tests/project/test_schema_page.py` holds to the code. How
it looks in Neo4j: [graph-model.md](graph-model.md). By which keys records become one entity:
[identity.md](identity.md).

## Kinds
A kind that is not listed is refused with the nearest that is. In an incident bundle of somebody
else's it stands as a `{generic}`.
"""
_MODES = """\
## Failure modes
A **hard** mode stops what depends on the entity, a **gray** one weakens it. Every kind has
{generic}; and `{unobserved}`, which is of evidence only: the thing may be
well, but the one who looks is blind. `{reduced}`: of a group some members are gone, and the others
serve; monitors tell of it, and nothing that depends on it feels it.
"""
_RELATIONS = """\
## Relations
Read from the dependent to what it needs: "A RUNS_ON B". `group` joins alternatives of one
dependent, `need` of which must work; without a group a relation is needed by itself. Joining other
kinds than usual is no error: documents of other authors work, with a warning.
"""
_CARRIES = {
    Carries.FIRM: "a failure: the dependent is hit",
    Carries.SOFT: "a failure, softly: the dependent may not need it just now",
    Carries.EVIDENCE: "what is known of the dependent, nothing else",
    Carries.NOTHING: "nothing, unless a rule says so",
}


def page() -> str:
    """Return the whole page."""
    kinds = [kind for name, kind in KINDS.items() if name != GENERIC]
    own = {mode.name for mode in (*GENERIC_MODES, UNOBSERVED)}
    parts = [
        _HEAD.format(generic=GENERIC),
        _table(("kind", "is"), ((kind.name, kind.about) for kind in kinds)),
        _MODES.format(
            generic=", ".join(f"`{m.name}` ({m.severity.value})" for m in GENERIC_MODES),
            unobserved=UNOBSERVED.name,
            reduced=REDUCED.name,
        ),
        _table(
            ("kind", "hard besides", "gray besides"),
            (
                (
                    kind.name,
                    *(
                        _codes(
                            mode.name
                            for mode in kind.modes.values()
                            if mode.severity is severity and mode.name not in own
                        )
                        for severity in (Severity.HARD, Severity.GRAY)
                    ),
                )
                for kind in kinds
            ),
        ),
        _RELATIONS,
        _table(
            ("type", "means", "carries"),
            ((f"`{r.name}`", r.about, _CARRIES[r.carries]) for r in RELATIONS.values()),
        ),
    ]
    return "\n".join(parts)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    head = f"| {' | '.join(columns)} |\n| {' | '.join('---' for _ in columns)} |\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(page())
