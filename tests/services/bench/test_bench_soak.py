import os
import subprocess
import sys

import numpy as np
import pytest

from services.bench.processes import measure_processes
from services.bench.soak import MOST_MB_PER_HOUR, Growth, Soak, fit_growth


def samples(slope_mb_per_hour: float, minutes: int = 30) -> list[tuple[float, float]]:
    rng = np.random.default_rng(0)
    times = np.arange(0, 60 * minutes, 5.0)
    warming = 80 * np.exp(-times / 100)
    sizes = 200 - warming + slope_mb_per_hour * times / 3600
    return list(zip(times, sizes + rng.normal(0, 0.5, len(times)), strict=True))


@pytest.mark.parametrize("slope", [0.0, 40.0, -20.0])
def test_the_slope_after_the_warm_up_lies_in_its_interval(slope: float) -> None:
    growth = fit_growth(samples(slope))
    assert growth.low <= slope + 1.0
    assert growth.high >= slope - 1.0
    assert growth.high - growth.low < 4.0
    assert growth.mb_per_hour == pytest.approx(slope, abs=2.0)


def test_what_never_moved_grows_by_nothing() -> None:
    growth = fit_growth([(at, 9.0) for at in np.arange(0, 1800, 5.0).tolist()])
    assert (growth.mb_per_hour, growth.low, growth.high) == (0.0, 0.0, 0.0)


def test_too_short_a_run_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^1 rounds after the warm-up, expected"):
        fit_growth(samples(0.0, minutes=3))


def test_it_holds_if_nothing_grows_and_no_queue_is_left() -> None:
    flat = Growth(0.0, -1.0, 1.0, 100.0)
    steep = Growth(9.0, 4.0, MOST_MB_PER_HOUR, 100.0)
    assert Soak(30, {"hub": flat}, 7, 0, 1000, 9).holds
    assert not Soak(30, {"hub": flat, "watcher": steep}, 7, 0, 1000, 9).holds
    assert not Soak(30, {"hub": flat}, 7, 1, 1000, 9).holds


def test_a_process_and_its_children_are_measured_by_what_they_are() -> None:
    script = "import time; block = bytearray(50_000_000); print(1); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", script, "services.demo.rtsp_server"],
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = measure_processes(os.getpid())
        child.kill()
    assert found["cameras (RTSP server)"].rss_mb > 50
    assert found["bench and supervisor"].cpu_s > 0
