"""Named queries for a graph in Neo4j: `.cypher` files by topic, and their loader.

Every node has the label `Entity` and its kind as a second label, and the properties `uid`, `kind`
and `name`. A relation may have `source`, `group` and `need`. Both have `validFrom`. A relation
that closes becomes a node `PastRelation`; an entity that closes stays, with `validTo`.
"""

from cypher.loader import Column, Parameter, Query, QueryError, parse, queries

__all__ = ["Column", "Parameter", "Query", "QueryError", "parse", "queries"]
