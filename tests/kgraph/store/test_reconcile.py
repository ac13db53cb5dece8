from __future__ import annotations

from kgraph.schema import Key, Record
from kgraph.store._reconcile import LinkId, StoredRecord, plan_links, plan_records
from kgraph.store._staging import fingerprint


def test_records_fall_into_new_changed_vanished_and_unchanged() -> None:
    records = {key: Record(key, "Host") for key in ("new", "same", "other", "back")}
    hashes = dict.fromkeys(records, b"1")
    stored = {
        "same": StoredRecord(1, 1, "Host", b"1", live=True),
        "other": StoredRecord(2, 2, "Host", b"0", live=True),
        "back": StoredRecord(3, 3, "Host", b"1", live=False),
        "gone": StoredRecord(4, 4, "Host", b"1", live=True),
        "long gone": StoredRecord(5, 5, "Host", b"1", live=False),
    }
    plan = plan_records(records, hashes, stored, closes=True)
    assert (plan.new, plan.changed, plan.vanished, plan.unchanged) == (
        ("new",),
        ("other", "back"),
        ("gone",),
        1,
    )
    assert plan_records(records, hashes, stored, closes=False).vanished == ()


def test_links_open_close_and_change_their_need() -> None:
    same: LinkId = (1, "USES", 2, "g")
    gone: LinkId = (1, "USES", 3, None)
    new: LinkId = (1, "USES", 4, None)
    stored = {same: (10, 1), gone: (11, None)}
    plan = plan_links({same: 2, new: None}, stored, closes=True)
    assert plan.opened == ((same, 2), (new, None))
    assert sorted(plan.closed) == [10, 11]
    assert plan_links({new: None}, stored, closes=False).closed == ()


def test_the_hash_sees_content_but_neither_order_nor_place_nor_volatile_values() -> None:
    a, b = Key("ip", "1"), Key("ip", "2")
    base = Record("x", "Host", keys=(a, b), props={"m": 1, "n": 2}, labels={"r": "1"})
    turned = Record(
        "x", "Host", keys=(b, a), props={"n": 2, "m": 1}, labels={"r": "1"}, where="line 3"
    )
    assert fingerprint(base) == fingerprint(turned)
    for other in (
        Record("x", "Host", keys=(a, b), props={"m": 1, "n": 3}, labels={"r": "1"}),
        Record("x", "Host", keys=(a, b), props={"m": 1, "n": "2"}, labels={"r": "1"}),
        Record("x", "Host", keys=(a, b), props={"m": True, "n": 2}, labels={"r": "1"}),
        Record("x", "Host", keys=(a,), props={"m": 1, "n": 2}, labels={"r": "1"}),
    ):
        assert fingerprint(base) != fingerprint(other)
    volatile = frozenset({"n"})
    one, two = (Record("x", "Host", props={"n": n}, volatile=volatile) for n in (1, 2))
    assert fingerprint(one) == fingerprint(two)
