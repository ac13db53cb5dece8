"""Topology documents (`kgraph.topology/v1`): YAML, JSON, or JSON Lines for large ones.

    bytes (the only I/O) -> rows with their place -> Record | RelationRecord

JSON and JSON Lines are streamed; a document is checked while it is read, and the store keeps
nothing of one that breaks off.
"""

from ingest.topology.reader import read

__all__ = ["read"]
