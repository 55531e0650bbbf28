"""Check, before a site is watched, what its broker permits."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Final

import aiomqtt

from pipelines.clock import Clock, utc_datetime
from services.delivery.link import BrokerLink, is_refusal, why
from services.delivery.session import Session
from services.errors import BrokerRefused
from services.hub.topics import Topics
from services.store.outbox import Message

_LONGEST_S: Final = 20.0
_NAMED: Final = 3


async def examine(
    link: BrokerLink, topics: Topics, subjects: Sequence[str], clock: Clock
) -> str:
    """Check a broker: its version, what we may publish, whether delivery is confirmed.

    An empty message goes to each topic of events, drift and technical faults; receivers
    ignore it. Topics with retained messages are not tried: an empty one looks like a
    deletion there, and Home Assistant would show an open alarm as over.

    Returns:
        The result in words. A broker that cannot be reached is no mistake of the site.

    Raises:
        BrokerRefused: If the broker refuses the connection or the publishing.
    """
    try:
        async with asyncio.timeout(_LONGEST_S), link.connect() as client:
            session = Session(client, topics.test)
            listening = asyncio.create_task(session.listen())
            try:
                return await _examine(link, session, topics, subjects, clock)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    except TimeoutError:
        return f"no answer in {_LONGEST_S:g} s"
    except (aiomqtt.MqttError, OSError) as error:
        problem = why(error)
        if is_refusal(problem):
            raise BrokerRefused(str(link), problem) from error
        return problem.partition(";")[0]


async def _examine(
    link: BrokerLink,
    session: Session,
    topics: Topics,
    subjects: Sequence[str],
    clock: Clock,
) -> str:
    tried = [
        *(topics.of(name, kind) for name in subjects for kind in ("event", "drift")),
        topics.site_technical,
    ]
    at = utc_datetime(clock.now_ns()).isoformat()
    test = json.dumps({"v": 1, "type": "test", "at": at})
    sends = (session.send(Message("", topic, {})) for topic in tried)
    answers, unheard = await asyncio.gather(asyncio.gather(*sends), session.test(test))
    refusals = [
        (topic, refused)
        for topic, refused in zip(tried, answers, strict=True)
        if refused is not None
    ]
    denied = [
        (topic, refused.reason) for topic, refused in refusals if not refused.is_silent
    ]
    if denied:
        names = _named(topic for topic, _ in denied)
        problem = f"does not let us publish to {names}: {denied[0][1]}"
        raise BrokerRefused(str(link), problem)
    version = "5" if session.has_reasons else "3.1.1"
    parts = [f"reached, MQTT {version}"]
    if session.has_reasons:
        parts.append(f"may publish to all {len(tried)} topics tried")
        if unheard:
            parts.append(
                f"only its reason codes prove delivery: {topics.test} {unheard}"
            )
    elif refusals:
        names = _named(topic for topic, _ in refusals)
        parts.append(
            f"delivery to {names} cannot be confirmed: {refusals[0][1].reason}"
        )
    if not unheard and not refusals:
        parts.append("delivery is confirmed")
    return "; ".join(parts)


def _named(topics: Iterable[str]) -> str:
    shown = list(topics)
    rest = len(shown) - _NAMED
    more = f" and {rest} more" if rest > 0 else ""
    return ", ".join(shown[:_NAMED]) + more
