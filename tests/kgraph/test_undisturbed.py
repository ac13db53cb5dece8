from __future__ import annotations

import gc

import pytest

from kgraph.undisturbed import undisturbed


def test_the_collector_goes_on_afterwards_even_after_a_failure() -> None:
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), undisturbed():
        _ = 1 / int(gc.isenabled())
    assert gc.isenabled()


def test_who_holds_it_off_already_is_let_be() -> None:
    with undisturbed():
        with undisturbed():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
