"""A process dies at the step that was named, and its store tells which."""

import multiprocessing
import signal

import pytest
from sqlalchemy import URL

from services.bench.crash.steps import Killer
from services.store.store import Store
from tests.services.store.rows import message


def work_until_killed(url: URL, killer: Killer) -> None:
    """Store a message, deliver it and take an answer, in a process of its own."""
    killer.watch_databases()
    store = Store.joined(url)
    store.take([message("a")], {}, 1)
    store.outbox.delivered(store.outbox.waiting(1)[0].number, 2)
    store.take([], {}, 3, outcomes={store.answers.waiting(1)[0].number: ""})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "left"),
    [
        ("before the messages", (0, True)),
        ("before the commit of the messages", (0, True)),
        ("after the commit of the messages", (1, True)),
        ("before the delivery mark", (1, True)),
        ("before the commit of the delivery mark", (1, True)),
        ("after the commit of the delivery mark", (0, True)),
        ("before the answer", (0, True)),
        ("before the commit of the answer", (0, True)),
        ("after the commit of the answer", (0, False)),
    ],
)
def test_a_step_is_where_its_name_says(
    store: Store, store_url: URL, step: str, left: tuple[int, bool]
) -> None:
    store.answers.give("e1", "ack", {}, "kim", 1)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["services.store.store"])
    process = context.Process(
        target=work_until_killed, args=(store_url, Killer(step, 1))
    )
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    waits = bool(store.answers.waiting(9))
    assert (store.outbox.backlog()[0], waits) == left


def test_another_step_kills_nothing() -> None:
    Killer("before the messages", 1).reach("before the answer")
