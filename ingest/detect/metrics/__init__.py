"""Detectors of series: all of one rule are judged at once, as arrays."""

from ingest.detect.metrics.block import Block, block_of

__all__ = ["Block", "block_of"]
