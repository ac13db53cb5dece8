"""What the scenario tests share: the question, and how an answer is read."""

from __future__ import annotations

from collections.abc import Callable

from kgraph.schema import Answer

Ask = Callable[[str], Answer]

HOST_OF_25 = """
    Host: h1 h2
    VirtualMachine: v[0-24]
    v* RUNS_ON h1
"""


def chance(answer: Answer, uid: str) -> float:
    """P(this entity is at fault); an entity that is not ranked has none."""
    return next((cause.posterior for cause in answer.causes if cause.entity == uid), 0.0)


def first(answer: Answer) -> tuple[str, str]:
    """The likeliest cause, as (entity, mode)."""
    return answer.causes[0].entity, answer.causes[0].mode
