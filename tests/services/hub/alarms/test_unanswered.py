"""Which alarms wait for an answer, so that somebody is called if nobody gives one."""

from dataclasses import replace
from pathlib import Path

from pipelines.clock import NS_PER_S
from pipelines.records import BED_EXIT
from services.hub.alarms.desk import AlarmDesk
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store
from tests.fakes import FakeClock
from tests.services.store.rows import START_NS, event


def test_a_walk_at_night_waits_for_an_answer_only_once_it_is_too_long(
    tmp_path: Path,
) -> None:
    #  suspected               out of bed
    # [0 s ──────────── 899 s)[900 s ──
    night = {BED_EXIT: {"confirm_s": 3600, "out_of_bed_s": 900}}
    site = Site.model_validate({"site": "ward-3", "alarms": night})
    store = Store.migrated(sqlite_url(tmp_path))
    topics, rules = Topics("wardwatch", "ward-3"), site.common_alarm_rules()
    desk = AlarmDesk(store, topics, rules, FakeClock())
    desk.keep(desk.of_events([replace(event(), name=BED_EXIT)], START_NS))
    waiting = [desk.unanswered]
    for after_s in (899, 900):
        desk.keep(desk.of_time(START_NS + after_s * NS_PER_S))
        waiting.append(desk.unanswered)
    assert waiting == [{"bed-4": 0}, {"bed-4": 0}, {"bed-4": 1}]
    store.close()
