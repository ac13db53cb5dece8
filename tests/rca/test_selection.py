"""Who is walked of many suspects."""

from __future__ import annotations

from tests.rca.answers import Ask, chance, first


def test_what_both_of_a_pair_stand_on_is_walked_with_the_pair(ask: Ask) -> None:
    answer = ask("""
        StorageArray: a
        StorageController: c1 c2
        StoragePool: p q
        Volume: d[0-99] e[0-99]
        VirtualMachine: v[0-99] w[0-99]
        c1 c2 RUNS_ON a
        p q USES c1 c2 / part 1
        d* STORED_ON p
        e* STORED_ON q
        v* STORED_ON each d*
        w* STORED_ON each e*
        v* w* abnormal: ioError
        c1 c2 abnormal: down
    """)
    assert first(answer) == ("a", "down")
    assert chance(answer, "a") > 2 * chance(answer, "c1")
