"""Prometheus' text format, as its documentation defines it (version 0.0.4)."""

from prometheus_client.parser import text_string_to_metric_families

from solovirt.machinery.exposition import Family, Histogram, text


def test_a_family_is_its_help_its_type_and_its_samples():
    family = Family("vms", "Machines.", ("name", "zone"), type="counter")
    family.add(("a", "x"), 1)
    family.add(("b", ""), 0.5)
    assert text([family]) == b'# HELP vms Machines.\n# TYPE vms counter\nvms{name="a",zone="x"} 1\nvms{name="b"} 0.5\n'


def test_a_family_without_samples_is_not_told():
    assert text([Family("vms", "Machines.")]) == b""


def test_label_values_are_escaped():
    family = Family("vms", "Machines.", ("name",))
    family.add(('a"b\\c\nd',), 1)
    (parsed,) = text_string_to_metric_families(text([family]).decode())
    assert parsed.samples[0].labels == {"name": 'a"b\\c\nd'}


def test_histograms_are_cumulative():
    histogram = Histogram((0.5, 1.0, 60.0))
    for seconds in (0.5, 0.7, 2, 100):
        histogram.observe(seconds)
    family = Family("t_seconds", "Time.", ("phase",), type="histogram")
    family.add_histogram(("Running",), histogram)
    assert text([family]).decode().splitlines()[2:] == [
        't_seconds_bucket{phase="Running",le="0.5"} 1',
        't_seconds_bucket{phase="Running",le="1"} 2',
        't_seconds_bucket{phase="Running",le="60"} 3',
        't_seconds_bucket{phase="Running",le="+Inf"} 4',
        't_seconds_sum{phase="Running"} 103.2',
        't_seconds_count{phase="Running"} 4',
    ]
