import multiprocessing
import os
import signal
from fcntl import LOCK_EX, LOCK_SH, flock
from functools import partial
from pathlib import Path

import pytest

from pipelines.lab.simulation.footage import RecordingPlan, Stream, in_render_processes

PLANS = [RecordingPlan(Stream.FOOTAGE, 3, index, 1.0) for index in range(8)]


class Stopped(Exception):
    """A person wants no more of it."""


def wait_and_leave_a_file(folder: Path, plan: RecordingPlan) -> None:
    if plan.index > 0:
        with (folder / "lock").open() as lock:
            flock(lock, LOCK_SH)
    (folder / f"done-{plan.index}").touch()


def manners(plan: RecordingPlan) -> tuple[object, str]:
    return signal.getsignal(signal.SIGINT), os.environ["LP_NUM_THREADS"]


def test_a_stop_drops_what_no_process_has_begun_and_waits_for_none(
    tmp_path: Path,
) -> None:
    def stop(plan: RecordingPlan) -> None:
        raise Stopped

    with (tmp_path / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        work = partial(wait_and_leave_a_file, tmp_path)
        with pytest.raises(Stopped):
            in_render_processes(work, PLANS, workers=1, on_done=stop)
    for child in multiprocessing.active_children():
        child.join(30)
    # The second was at work, the third handed over already.
    done = {path.name for path in tmp_path.glob("done-*")}
    assert "done-0" in done
    assert done <= {"done-0", "done-1", "done-2", "done-3"}


def test_workers_keep_to_one_thread_and_leave_interrupts_to_who_began_them() -> None:
    results = in_render_processes(manners, PLANS[:2], workers=1)
    assert results == dict.fromkeys(PLANS[:2], (signal.SIG_IGN, "1"))


def test_no_plans_need_no_process() -> None:
    assert in_render_processes(manners, []) == {}
