"""The figures of ``wardwatch bench console``."""

from services.bench.console.measure import Waits


def test_a_percentile_is_one_of_the_waits() -> None:
    spans_ns = [number * 1_000_000 for number in range(20, 0, -1)]
    assert Waits.of(spans_ns) == Waits(p50_ms=10.0, p95_ms=19.0, max_ms=20.0)
    assert Waits.of([5_000_000]) == Waits(5.0, 5.0, 5.0)
