"""Root-cause analysis: pure reasoning on a graph, a model and evidence, given as arguments."""

from rca.engine import investigate, predict
from rca.rules.files import load_model
from rca.rules.finding import Finding
from rca.rules.lint import lint
from rca.rules.model import Model

__all__ = ["Finding", "Model", "investigate", "lint", "load_model", "predict"]
