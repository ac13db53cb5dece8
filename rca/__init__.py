"""Root-cause analysis: pure reasoning on a graph, a model and evidence, given as arguments."""

from rca.engine import investigate, predict
from rca.finding import Finding
from rca.lint import lint
from rca.rulefiles import load_model
from rca.rules import Model

__all__ = ["Finding", "Model", "investigate", "lint", "load_model", "predict"]
