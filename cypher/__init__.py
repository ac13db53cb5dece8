"""Named queries for a graph in Neo4j: `.cypher` files by topic, and their loader.

Every node has the label `Entity` and its kind as a second label, and the properties `uid`, `kind`
and `name`. A relation may have `source`, `group` and `need`. Both have `validFrom`, and `validTo`
once they are closed: a query that is not about history must ask for `validTo IS NULL`.
"""

from cypher.loader import Column, Parameter, Query, QueryError, parse, queries

__all__ = ["Column", "Parameter", "Query", "QueryError", "parse", "queries"]
