from __future__ import annotations

from pathlib import Path

import pytest

import rca
from kgraph.schema import ConfigurationError
from rca.rules.model import Model

HEAD = "format: kgraph.rules/v1\ndomain: mine\n"
SHARED = (
    HEAD + "parameters: {rate: 1.0, kind: Rack}\n"
    'faults:\n  - {fault: "$kind.down", perYear: $rate}\n'
)


def _folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def _rate(model: Model, kind: str) -> float:
    return next(rule.per_year for rule in model.faults_of[kind] if rule.mode == "down")


def _refused(folder: Path) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        rca.load_model([folder])
    assert "\n" not in str(caught.value)
    assert caught.value.mend
    return caught.value


def test_a_parameter_has_a_default(tmp_path: Path) -> None:
    assert _rate(rca.load_model([_folder(tmp_path, a=SHARED)]), "Rack") == 1.0


def test_a_file_is_included_with_other_values_and_several_times(tmp_path: Path) -> None:
    mine = HEAD + (
        "include:\n  - {file: shared.yaml, with: {rate: 2.5}}\n"
        "  - {file: shared.yaml, with: {kind: Site}}\n"
    )
    model = rca.load_model([_folder(tmp_path, shared=SHARED, mine=mine)])
    assert (_rate(model, "Rack"), _rate(model, "Site")) == (2.5, 1.0)


def test_an_included_file_of_the_folder_is_not_read_by_itself_too(tmp_path: Path) -> None:
    demanding = SHARED.replace("rate: 1.0", "rate: null")
    mine = HEAD + "include: [{file: shared.yaml, with: {rate: 4}}]\n"
    model = rca.load_model([_folder(tmp_path, shared=demanding, mine=mine)])
    assert _rate(model, "Rack") == 4


def test_the_includer_overrides_what_it_includes(tmp_path: Path) -> None:
    mine = HEAD + "include: [shared.yaml]\nfaults:\n  - {fault: Rack.down, perYear: 7}\n"
    assert _rate(rca.load_model([_folder(tmp_path, shared=SHARED, mine=mine)]), "Rack") == 7


def test_a_shipped_file_is_included_by_its_name_with_other_parameters(tmp_path: Path) -> None:
    mine = HEAD + "include: [{file: service.yaml, with: {errsPerYear: 6.0}}]\n"
    shipped, model = rca.load_model(), rca.load_model([_folder(tmp_path, mine=mine)])
    rates = {r.mode: r.per_year for r in model.faults_of["Service"]}
    assert rates == {"failing": 6.0, "slow": 3.0, "bad_release": 0.003, "isolated": 0.0003}
    assert len(model.propagation) == len(shipped.propagation)


def test_values_pass_through_a_chain_of_files(tmp_path: Path) -> None:
    between = HEAD + (
        "parameters: {often: 3}\ninclude: [{file: shared.yaml, with: {rate: $often}}]\n"
    )
    top = HEAD + "include: [{file: between.yaml, with: {often: 8}}]\n"
    model = rca.load_model([_folder(tmp_path, shared=SHARED, between=between, top=top)])
    assert _rate(model, "Rack") == 8


@pytest.mark.parametrize(
    ("mine", "what"),
    [
        ("include: [nowhere.yaml]\n", "no rule file 'nowhere.yaml'"),
        ("include: [../shared.yaml]\n", "no file of this folder"),
        ("include: shared.yaml\n", "include is a list"),
        ("include: [{with: {a: 1}}]\n", "no file of this folder"),
        ("include: [{file: shared.yaml, whit: {a: 1}}]\n", "a row is a file"),
        ("include: [{file: shared.yaml, with: {rate: null}}]\n", "`with` gives no values"),
        ("include: [{file: shared.yaml, with: {rates: 1}}]\n", "unknown parameter 'rates'"),
        ("include: [mine.yaml]\n", "files include each other"),
        ("parameters: [a]\n", "parameters are a mapping"),
        ("parameters: {a: [1]}\n", "'a' has no single value"),
        ("parameters: {a-b: 1}\n", "'a-b' is no parameter name"),
        ("parameters: {rate: null}\n", "parameter 'rate' has no value"),
        ("faults: [{fault: Rack.down, perYear: $rate}]\n", "unknown parameter '$rate'"),
        ("faults: &a [*a]\n", "nested without end"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_with_its_file(
    tmp_path: Path, mine: str, what: str
) -> None:
    error = _refused(_folder(tmp_path, shared=SHARED, mine=HEAD + mine))
    assert what in error.what
    assert "mine.yaml" in error.where


def test_a_cycle_of_two_files_is_refused(tmp_path: Path) -> None:
    one, two = HEAD + "include: [two.yaml]\n", HEAD + "include: [one.yaml]\n"
    error = _refused(_folder(tmp_path, one=one, two=two))
    assert "one.yaml includes" in error.what


def test_a_value_that_is_demanded_and_not_given_is_refused_where_it_is_included(
    tmp_path: Path,
) -> None:
    demanding = SHARED.replace("rate: 1.0", "rate: null")
    error = _refused(_folder(tmp_path, shared=demanding, mine=HEAD + "include: [shared.yaml]\n"))
    assert error.where.endswith("mine.yaml: include[0]")


def test_a_value_out_of_range_is_refused_as_if_it_stood_there(tmp_path: Path) -> None:
    mine = HEAD + "include: [{file: shared.yaml, with: {rate: -1}}]\n"
    error = _refused(_folder(tmp_path, shared=SHARED, mine=mine))
    assert "faults[0].perYear" in error.where
