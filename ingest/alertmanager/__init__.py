"""Alertmanager: its webhook payload (version 4) and its API (`GET /api/v2/alerts`).

    bytes (the only I/O is `fetch`) -> alerts -> observations, and why each maps as it does

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from ingest.alertmanager.fetch import fetch
from ingest.alertmanager.payload import AlertBatch, ReceivedAlert, parse_payload
from ingest.alertmanager.translate import DETECTOR, report_of, translate

__all__ = [
    "DETECTOR",
    "AlertBatch",
    "ReceivedAlert",
    "fetch",
    "parse_payload",
    "report_of",
    "translate",
]
