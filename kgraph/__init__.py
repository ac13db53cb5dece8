"""kgraph: root causes and safe repairs on a graph of the estate."""

__version__ = "0.1.0"
