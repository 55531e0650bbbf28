"""The wall board, and the stream that keeps every open page up to date."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pipelines.clock import NS_PER_S
from services.console.alarm_cards import cards_of
from services.console.context import Console
from services.console.feed import Snapshot
from services.console.people import Person
from services.console.tiles import SILENT_NS
from services.console.web import (
    ConsoleOf,
    PersonOf,
    WordingOf,
    fragment,
    needs,
    page,
)
from services.console.wording import Wording

routes = APIRouter(dependencies=[needs("viewer")])

_BEAT_S: Final = 2.0
"""Longest silence of the stream; a page that hears nothing for longer says so."""
_MOST_STREAMS: Final = 20
"""Open streams of one user: each is written to four times a second."""
_STILL_LOGGED_IN_NS: Final = 30 * NS_PER_S


@routes.get("/")
def board(
    request: Request, console: ConsoleOf, person: PersonOf, wording: WordingOf
) -> Response:
    """Show every subject, and the open alarms first."""
    snapshot, now_ns = console.feed.snapshot, console.utc_ns()
    names = person.visible(snapshot.subjects)
    tiles = [snapshot.tile(name, now_ns) for name in names]
    cards = cards_of(snapshot, person)
    return page(
        request,
        "board.html",
        tiles=tiles,
        lives=lives_of(snapshot, names),
        cards=cards,
        now_ns=now_ns,
    )


@routes.get("/stream")
def stream(
    request: Request,
    console: ConsoleOf,
    person: PersonOf,
    wording: WordingOf,
    tiles: str = "",
) -> Response:
    """Send what changes, as server-sent events.

    ``tiles`` is ``all``, or the name of a subject whose tile the page shows.
    """
    if console.streams[person.name] >= _MOST_STREAMS:
        reason = f"{person.name} has {_MOST_STREAMS} open pages; close some"
        raise HTTPException(HTTPStatus.TOO_MANY_REQUESTS, reason)
    names = None if tiles == "all" else frozenset(filter(None, [tiles]))
    sending = _Sending(request, console, person, wording, names)
    return StreamingResponse(sending.events(), media_type="text/event-stream")


def lives_of(snapshot: Snapshot, names: list[str]) -> dict[str, str]:
    """Return the poses and zones of subjects as JSON, for the scripts of a page."""
    return {
        name: json.dumps(_seen(snapshot.live[name].content))
        for name in names
        if name in snapshot.live
    }


def _seen(content: dict[str, Any]) -> dict[str, Any]:
    seen = {name: content.get(name) or [] for name in ("poses", "zones")}
    return {**seen, "aspect": content.get("aspect")}


class _Sending:
    """One browser's or program's stream; it ends when its session or token does."""

    def __init__(
        self,
        request: Request,
        console: Console,
        person: Person,
        wording: Wording,
        names: frozenset[str] | None,
    ) -> None:
        self._console, self._person, self._wording = console, person, wording
        self._names, self._csrf = names, request.state.csrf
        self._find_person = request.state.find_person
        self._checked_ns = console.clock.now_ns()
        self._tiles: dict[str, object] = {}
        self._cards: object = None

    async def events(self) -> AsyncIterator[str]:
        """Yield events until the session, the token or the console ends."""
        streams, name = self._console.streams, self._person.name
        streams[name] += 1
        try:
            async for event in self._news():
                yield event
        finally:
            streams[name] -= 1

    async def _news(self) -> AsyncIterator[str]:
        feed, revision = self._console.feed, -1
        while not feed.is_closed:
            snapshot = await feed.newer(revision, _BEAT_S)
            revision = snapshot.revision
            if not await self._is_logged_in():
                yield _event("gone", {})
                return
            now_ns = self._console.utc_ns()
            beat = {"now": self._wording.iso(now_ns), "trouble": snapshot.trouble}
            yield "".join(  # in one piece: a connection that is lost fails once
                [
                    *self._alarms(snapshot),
                    *self._changed(snapshot, now_ns),
                    _event("beat", beat),
                ]
            )

    def _alarms(self, snapshot: Snapshot) -> list[str]:
        """Return the event of the open alarms, if they have changed."""
        cards = cards_of(snapshot, self._person)
        if cards == self._cards:
            return []
        self._cards = cards
        waiting = [card.alarm for card in cards if card.calls]
        calling = [alarm for alarm in waiting if alarm.state != "suspected"]
        html = fragment(
            self._wording,
            "alarm_cards.html",
            cards=cards,
            person=self._person,
            csrf=self._csrf,
            snooze_minutes=self._console.settings.snooze_minutes,
        )
        facts = {
            "html": html,
            "waiting": len(waiting),
            "priority": calling[0].priority if calling else "",  # of the sound
            "ids": [alarm.alarm_id for alarm in calling],
        }
        return [_event("alarms", facts)]

    def _changed(self, snapshot: Snapshot, now_ns: int) -> list[str]:
        """Return an event for each tile that has changed."""
        events = []
        for name in self._person.visible(snapshot.subjects):
            if self._names is not None and name not in self._names:
                continue
            live = snapshot.live.get(name)
            at_ns = 0 if live is None else live.at_ns
            key = (at_ns, now_ns - at_ns > SILENT_NS, snapshot.of_subject(name))
            if self._tiles.get(name) == key:
                continue
            is_seen_before = self._tiles.get(name, (None,))[0] == at_ns  # type: ignore[index]
            self._tiles[name] = key
            tile = snapshot.tile(name, now_ns, with_alarms=self._names is None)
            words = fragment(self._wording, "tile_words.html", tile=tile)
            facts: dict[str, Any] = {"id": name, "tone": tile.tone, "html": words}
            if live is not None and not is_seen_before:
                facts |= _seen(live.content)
            events.append(_event("tile", facts))
        return events

    async def _is_logged_in(self) -> bool:
        now_ns = self._console.clock.now_ns()
        if now_ns - self._checked_ns < _STILL_LOGGED_IN_NS:
            return True
        self._checked_ns = now_ns
        person = await run_in_threadpool(self._find_person)
        return bool(person == self._person)


def _event(name: str, facts: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(facts)}\n\n"
