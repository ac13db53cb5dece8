"""The Neo4j store. Importing it needs the driver: the extra kgraph-rca[neo4j]."""

from kgraph.store.neo4j.database import Patience
from kgraph.store.neo4j.store import Neo4jStore

__all__ = ["Neo4jStore", "Patience"]
