"""A process that is killed before one of its writes: what is in the store then must be enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from kgraph.store import GraphStore

WRITES = ("put", "drop", "claim", "save_incident", "save_plan")


class KilledError(BaseException):
    """The process was killed here, as by SIGKILL."""


@contextmanager
def killed_before(write: int, store: GraphStore) -> Iterator[None]:
    """Be killed before the so manieth write, from 0; done is what was written before."""
    numbers = count()

    def counted(call: Any) -> Any:
        def done(*args: Any, **named: Any) -> Any:
            if next(numbers) >= write:
                raise KilledError
            return call(*args, **named)

        return done

    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(store, name, counted(getattr(store, name)))
        with pytest.raises(KilledError):
            yield
