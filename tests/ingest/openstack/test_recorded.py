"""The answers of real Keystone, Nova, Neutron, Cinder and Placement, as they were recorded."""

from __future__ import annotations

import pytest

from tests.ingest.openstack.replay import replayed
from tests.ingest.openstack.views import assert_furnished
from tests.ingest.readings import found


def test_what_real_services_have_answered_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD", "hunter2")
    who = {"user": "admin", "project": "admin", "password_env": "CLOUD"}
    with replayed() as cloud:
        reading = found("openstack", auth_url=f"{cloud.url}/identity/v3", region="R1", **who)
        assert_furnished(reading.items)
    assert reading.findings == ()
    pages = [path for path, asked in cloud.asked if "marker" in asked]
    assert len(pages) == 9, "their pages are of two objects"
