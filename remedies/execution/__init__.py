"""Carrying out plans: a journal of intents, leases, fresh looks, verification.

`next_moves` is pure: the whole logic is there and in what it imports. `Carrying` and `Executor`
do what it says.
"""

from remedies.execution.carrying import Progress
from remedies.execution.executor import Executor
from remedies.execution.moves import Hand, Watch
from remedies.execution.next_moves import State, next_moves, time_for

__all__ = ["Executor", "Hand", "Progress", "State", "Watch", "next_moves", "time_for"]
