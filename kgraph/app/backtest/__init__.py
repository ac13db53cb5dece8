"""What kgraph would have said in the past: alerts replayed, answers scored against labels.

stretch of ALERTS -> sight of one moment -> investigations -> incidents over time -> scores
"""

from kgraph.app.backtest.replay import Look, Past, Replay, Replayed, replay
from kgraph.app.backtest.score import PastLabel, Scored, Verdict, judged, past_labels, score

__all__ = [
    "Look",
    "Past",
    "PastLabel",
    "Replay",
    "Replayed",
    "Scored",
    "Verdict",
    "judged",
    "past_labels",
    "replay",
    "score",
]
