"""Tests marked `libvirt` need the binding; where it can't be had they say so."""

from __future__ import annotations

import importlib.util
import os

import pytest

_LINE = "the libvirt binding is missing: make test-deps, then make test"


@pytest.fixture(autouse=True)
def _binding(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("libvirt") is None:
        return
    if importlib.util.find_spec("libvirt") is not None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(_LINE, pytrace=False)
    pytest.skip(_LINE)
