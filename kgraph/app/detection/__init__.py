"""Detection: series of a Prometheus through the detectors, into the stored graph as evidence."""

from kgraph.app.detection.asking import Asking, Looked, Pass
from kgraph.app.detection.job import detection_job, series_of
from kgraph.app.detection.telling import Spoken, spoken

__all__ = [
    "Asking",
    "Looked",
    "Pass",
    "Spoken",
    "detection_job",
    "series_of",
    "spoken",
]
