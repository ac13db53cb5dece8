"""Signals reach modes through channels, as the published table says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import KINDS, SIGNALS, Channel, Direction, channel_of, main_modes, mode_named

UP, DOWN = Direction.UP, Direction.DOWN


@pytest.mark.parametrize(
    ("signal", "direction", "channel"),
    [
        ("latency", UP, Channel.MAIN),
        ("latency", None, Channel.MAIN),
        ("errors", UP, Channel.MAIN),
        ("availability", DOWN, Channel.MAIN),
        ("availability", UP, Channel.IGNORED),
        ("errors", DOWN, Channel.IGNORED),
        ("anomaly", None, Channel.EVERY),
        ("down", None, Channel.EVERY),
        ("behaviour", None, Channel.EVERY),
        ("clientLatency", UP, Channel.WAITING),
        ("clientLatency", DOWN, Channel.WORKLOAD),
        ("cpu", UP, Channel.RESOURCE),
        ("memory", UP, Channel.RESOURCE),
        ("disk", UP, Channel.RESOURCE),
        ("saturation", UP, Channel.RESOURCE),
        ("cpu", DOWN, Channel.WORKLOAD),
        ("saturation", DOWN, Channel.WORKLOAD),
        ("requests", UP, Channel.WORKLOAD),
        ("network", DOWN, Channel.WORKLOAD),
    ],
)
def test_a_signal_reaches_the_channel_of_the_published_table(
    signal: str, direction: Direction | None, channel: Channel
) -> None:
    assert channel_of("Service", signal, direction) is channel


def test_latency_on_a_call_by_somebody_else_is_weak() -> None:
    assert channel_of("Service", "latency", UP, foreign_caller=True) is Channel.CALL


def test_calls_that_are_quicker_than_usual_are_less_work_and_no_slowness() -> None:
    assert channel_of("Service", "latency", DOWN, foreign_caller=True) is Channel.WORKLOAD


@pytest.mark.parametrize(
    ("kind", "signal", "mode"),
    [
        ("StoragePool", "full", "full"),
        ("VirtualMachine", "paused", "paused_io_error"),
        ("VirtualMachine", "ioError", "paused_io_error"),
        ("Host", "panic", "panicked"),
        ("Host", "hung", "hung"),
    ],
)
def test_a_signal_named_like_a_mode_is_evidence_of_that_mode(
    kind: str, signal: str, mode: str
) -> None:
    assert mode_named(kind, signal) == mode
    assert channel_of(kind, signal, None) is Channel.MODE


def test_a_mode_of_another_kind_says_only_that_something_is_wrong() -> None:
    assert mode_named("Service", "full") is None
    assert channel_of("Service", "full", None) is Channel.EVERY


def test_unreachable_says_nothing_of_why_even_where_a_mode_has_the_name() -> None:
    assert channel_of("VirtualMachine", "unreachable", None) is Channel.EVERY


@given(kind=st.sampled_from(sorted(KINDS)) | st.text(max_size=5), signal=st.text(max_size=8))
def test_any_name_that_we_do_not_know_is_treated_like_an_anomaly(kind: str, signal: str) -> None:
    if signal not in SIGNALS and mode_named(kind, signal) is None:
        assert channel_of(kind, signal, None) is channel_of(kind, "anomaly", None)


def test_slowness_and_errors_speak_of_different_modes() -> None:
    assert main_modes("latency") == {"slow"}
    assert not main_modes("errors") & main_modes("latency")
