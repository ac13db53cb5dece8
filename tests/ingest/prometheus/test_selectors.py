"""Which series an expression looks at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.prometheus.selectors import selectors


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up == 0", ["up"]),
        ('up{job="libvirt"} == 0 or libvirt_up == 0', ['up{job="libvirt"}', "libvirt_up"]),
        ("rate(http_requests_total[5m])", ["http_requests_total"]),
        ("max_over_time(x[1m:5s] offset 1s) >= 0", ["x"]),
        ("x offset -5m > 1", ["x"]),
        ("x @ 1609746000 > x @ start()", ["x"]),
        ("sum by (job, instance) (rate(x[5m])) > 0.5", ["x"]),
        ("sum(x) by (job) > count without (cpu) (y)", ["x", "y"]),
        ("a * on (host) group_left (rack) b", ["a", "b"]),
        ("a / ignoring (code) group_right b", ["a", "b"]),
        ("(a > 0) unless on (uuid) (b < 5) and c", ["a", "b", "c"]),
        ('absent(up{job="x", instance=~"h[0-9]+"})', ['up{job="x",instance=~"h[0-9]+"}']),
        ('{__name__=~"node_.*", job="n"} > 1', ['{__name__=~"node_.*",job="n"}']),
        ('x{a="}"} > 1', ['x{a="}"}']),
        ("x{a='it\\'s'} > `]`", ["x{a='it\\'s'}"]),
        ('label_replace(x, "a", "$1", "b", "(.*)")', ["x"]),
        ("instance:node_cpu:rate5m > 1e3", ["instance:node_cpu:rate5m"]),
        ("x > bool 0 # and y", ["x"]),
        ("# only a remark\nx > Inf", ["x"]),
        ("histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m]))) > 1", ["x_bucket"]),
        ("x > 1 and x < 5", ["x"]),
        ("topk(3, x) and quantile by (a) (0.9, y)", ["x", "y"]),
        ("vector(1) > time()", []),
        ("1 + 1", []),
        ("", []),
    ],
)
def test_the_vector_selectors_of_an_expression_are_found(
    expression: str, found: list[str]
) -> None:
    assert list(selectors(expression)) == found


@pytest.mark.parametrize("cut", ['x{a="', 'up == 0 and x{a="b"', "sum by (job", "rate(x[5m"])
def test_an_expression_that_is_cut_off_yields_what_was_whole(cut: str) -> None:
    assert set(selectors(cut)) <= {"up", "x"}


@given(st.text(alphabet="abx{}[]()\"'`=~,. \n#5mby:_\\", max_size=40))
def test_whatever_is_written_the_lexer_ends_and_every_selector_is_in_it(text: str) -> None:
    squeezed = "".join(text.split())
    for found in selectors(text):
        assert "".join(found.split())[:1] in squeezed
