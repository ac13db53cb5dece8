"""Calls: how long they take and how many fail, for each caller and each called. Pure.

calls, read elsewhere -> minutes of each edge -> detectors, against what was usual of it
"""

from ingest.detect.calls.edges import Edge, Looked, Memory, Minute, entry, labels_of, take

__all__ = ["Edge", "Looked", "Memory", "Minute", "entry", "labels_of", "take"]
