"""Files of detectors: the shipped ones are sound, a site's own replace them, faults are named."""

from pathlib import Path

import pytest

from ingest.detect.files import load_series, parse
from kgraph.schema import ConfigurationError
from kgraph.signals import load_packs

_GOOD = """\
format: kgraph.detectors/v1
series:
  - series: pool
    about: mine
    query: my_pool
    kind: StoragePool
    name: pool
    detect:
      - {use: threshold, above: 0.9, signal: full}
"""


def test_every_shipped_rule_has_a_name_of_its_own() -> None:
    names = [rule.name for series in load_series() for rule in series.rules]
    assert len(names) == len(set(names)) >= 15


def test_a_file_is_named_like_a_mapping_pack() -> None:
    files = {rule.place.partition(":")[0] for series in load_series() for rule in series.rules}
    assert files <= {entry.place.partition(":")[0] for entry in load_packs().entries}


def test_a_site_replaces_a_shipped_series_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(_GOOD)
    shipped, own = load_series(), load_series([tmp_path])
    assert len(own) == len(shipped)
    (pool,) = (series for series in own if series.name == "pool")
    assert (pool.query, [rule.reports_as for rule in pool.rules]) == (
        "my_pool",
        ["detect/pool.threshold"],
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("format: kgraph.detectors/v1\n", ""), "own.yaml: format: is missing"),
        (("use: threshold", "use: magic"), "no detector of series is called 'magic'"),
        (("signal: full", "signal: fulll"), "signal 'fulll' is not published"),
        (("kind: StoragePool", "kind: StoragePol"), "unknown kind 'StoragePol'"),
        (("above: 0.9, ", ""), "name one of `above` and `below`"),
        (("above: 0.9", "above: 0.9, abuve: 1"), "series[0].detect[0]: abuve"),
        (("series: pool", "series: My Pool"), "'My Pool' is no name"),
        (("query: my_pool", "query: my_pool\n    step_seconds: 1"), "3600 points a series"),
        (("query: my_pool", "query: [a"), "own.yaml:"),
    ],
)
def test_a_fault_is_one_line_that_names_file_and_row(change: tuple[str, str], told: str) -> None:
    assert change[0] in _GOOD
    with pytest.raises(ConfigurationError) as refused:
        list(parse(_GOOD.replace(*change), "own.yaml"))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        load_series([tmp_path / "none"])
