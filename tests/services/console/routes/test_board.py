"""The stream of what changes."""

import asyncio
import json
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from pipelines.live.alarms import AlarmRule, raise_alarm
from services.console.app import make_app
from services.console.context import Console
from services.console.gate import SESSION_COOKIE
from services.console.passwords import hash_of_secret, new_secret
from services.console.people import SCOPES
from services.store.access import Act
from tests.console_rig import Served, open_rig, serving
from tests.fakes import FakeClock
from tests.made_up_ward import BEDS, event, fall, fault, lives

pytestmark = pytest.mark.slow

SOON_S = 20.0
Event = tuple[str, dict[str, Any]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    console = open_rig(tmp_path)
    now_ns = console.utc_ns()
    console.store.live.put(lives(now_ns), now_ns)
    console.store.notes.note("expected sources", {name: [] for name in BEDS})
    with serving(console) as served:
        yield served
    console.store.close()


def events_in(answer: HTTPResponse) -> Iterator[Event]:
    kind = ""
    for line in answer:
        name, _, value = line.decode().strip().partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


@contextmanager
def stream_of(
    served: Served, name: str, tiles: str = "all"
) -> Iterator[Iterator[Event]]:
    """The events of a user's stream, as they come."""
    secret = new_secret()
    access = served.console.access
    act = Act(served.console.utc_ns(), name)
    access.open_session(name, hash_of_secret(secret), act)
    host = served.url.removeprefix("http://")
    with closing(HTTPConnection(host, timeout=SOON_S)) as connection:
        cookie = {"cookie": f"{SESSION_COOKIE}={secret}"}
        connection.request("GET", f"/stream?tiles={tiles}", headers=cookie)
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield events_in(answer)


def until_beat(events: Iterator[Event]) -> list[Event]:
    found: list[Event] = []
    for kind, facts in events:
        if kind == "beat":
            return found
        found.append((kind, facts))
    return found


def test_a_stream_begins_with_everything_and_goes_on_with_what_changes(
    served: Served,
) -> None:
    with stream_of(served, "kim") as events:
        first = until_beat(events)
        tiles = {facts["id"] for kind, facts in first if kind == "tile"}
        assert tiles == set(BEDS)
        alarm = fall(served.console.store, "bed-4", served.console.utc_ns())
        later: list[Event] = []
        while not later:
            later = until_beat(events)
        changed = [facts["id"] for kind, facts in later if kind == "tile"]
        (alarms,) = (facts for kind, facts in later if kind == "alarms")
        assert changed == ["bed-4"]
        assert (alarms["waiting"], alarms["priority"]) == (1, "high")
        assert alarms["ids"] == [alarm.alarm_id]


def test_a_limited_user_hears_nothing_of_others(served: Served) -> None:
    with stream_of(served, "nina") as events:
        first = until_beat(events)
        fall(served.console.store, "bed-4", served.console.utc_ns())
        mine = fall(served.console.store, "bed-2", served.console.utc_ns())
        heard = [*first, *until_beat(events)]
        while "bed-2" not in str(heard[len(first) :]):
            heard += until_beat(events)
    tiles = {facts["id"] for kind, facts in heard if kind == "tile"}
    assert tiles == {"bed-1", "bed-2"}
    assert [facts["ids"] for kind, facts in heard if kind == "alarms"][-1] == [
        mine.alarm_id
    ]
    assert "bed-4" not in str(heard)


def test_an_alarm_that_is_only_suspected_is_shown_and_makes_no_sound(
    served: Served,
) -> None:
    now_ns = served.console.utc_ns()
    happened = event("bed-4", "fall", now_ns)
    alarm = raise_alarm(happened, AlarmRule(confirm_s=600), now_ns)
    served.console.store.take([], {}, now_ns, [alarm])
    with stream_of(served, "kim") as events:
        heard = until_beat(events)
        while alarm.alarm_id not in str(heard):
            heard += until_beat(events)
    facts = [facts for kind, facts in heard if kind == "alarms"][-1]
    assert (facts["waiting"], facts["priority"], facts["ids"]) == (1, "", [])


def test_a_fault_of_the_system_is_shown_and_neither_sounds_nor_counts(
    served: Served,
) -> None:
    store, now_ns = served.console.store, served.console.utc_ns()
    store.take([], {}, now_ns, [fault("bed-4", now_ns)])
    with stream_of(served, "kim") as events:
        heard = until_beat(events)
        while "Camera lost" not in str(heard):
            heard += until_beat(events)
    facts = [facts for kind, facts in heard if kind == "alarms"][-1]
    assert (facts["waiting"], facts["priority"], facts["ids"]) == (0, "", [])


def test_a_page_of_one_subject_gets_its_tile_alone(served: Served) -> None:
    with stream_of(served, "kim", "bed-3") as events:
        tiles = [facts["id"] for kind, facts in until_beat(events) if kind == "tile"]
    assert tiles == ["bed-3"]


def test_the_open_streams_of_a_user_are_bounded_and_closed_ones_do_not_count(
    served: Served,
) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            until_beat(stack.enter_context(stream_of(served, "kim", "bed-3")))
        with pytest.raises(AssertionError, match="429"):
            stack.enter_context(stream_of(served, "kim"))
    with stream_of(served, "vera") as events:
        for _ in range(10):  # a stream ends when it is next written to
            until_beat(events)
            if not served.console.streams["kim"]:
                break
    with stream_of(served, "kim") as events:
        until_beat(events)


def test_streams_end_when_the_console_does(tmp_path: Path) -> None:
    console = open_rig(tmp_path)
    with ExitStack() as stack:
        with serving(console) as served:
            events = stack.enter_context(stream_of(served, "kim"))
            until_beat(events)
        assert [kind for kind, _ in events if kind != "beat"] == []
    console.store.close()


def remove_token(console: Console, act: Act) -> None:
    (token,) = console.access.tokens("kim")
    console.access.remove_token(token.number, act)


def reset_password(console: Console, act: Act) -> None:
    console.access.set_password("kim", "x", act, must_change=True)


def remove_user(console: Console, act: Act) -> None:
    console.access.remove("kim", act)


def take_subjects(console: Console, act: Act) -> None:
    console.access.set_rights("kim", "carer", ["bed-1"], act)


def change_nothing(console: Console, act: Act) -> None:
    pass


ENDS = [remove_token, reset_password, remove_user, take_subjects]


@pytest.mark.parametrize("by", ["session", "token"])
@pytest.mark.parametrize("change", [*ENDS, change_nothing])
def test_a_stream_ends_within_30_s_of_the_right_to_see_it(
    tmp_path: Path, by: str, change: Callable[[Console, Act], None]
) -> None:
    clock = FakeClock()
    console = open_rig(tmp_path, clock)
    secret, token, act = new_secret(), new_secret(), Act(clock.now_ns(), "kim")
    console.access.open_session("kim", hash_of_secret(secret), act)
    console.access.add_token("kim", "pager", SCOPES, hash_of_secret(token), act)
    header = {
        "session": (b"cookie", f"{SESSION_COOKIE}={secret}".encode()),
        "token": (b"authorization", f"Bearer {token}".encode()),
    }[by]
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/stream",
        "query_string": b"tiles=all",
        "headers": [header],
    }

    async def scene() -> str:
        sent = asyncio.Queue[MutableMapping[str, Any]]()

        async def receive() -> MutableMapping[str, Any]:
            return await asyncio.Queue[MutableMapping[str, Any]]().get()

        asking = asyncio.create_task(make_app(console)(scope, receive, sent.put))
        assert (await sent.get())["status"] == 200
        await sent.get()
        change(console, act)
        clock.advance_s(30)
        fall(console.store, "bed-4", clock.now_ns())
        await console.feed.look()
        heard: str = (await sent.get())["body"].decode()
        await console.feed.close()
        await asyncio.wait_for(asking, SOON_S)
        return heard

    heard = asyncio.run(scene())
    is_over = change in ENDS and (by, change) != ("session", remove_token)
    assert ("event: gone" in heard) == is_over
    assert ("bed-4" in heard) == (not is_over)
    console.store.close()
