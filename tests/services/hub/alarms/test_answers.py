"""What an answer does to the alarms that it is about."""

from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.alarm_hours import AlarmRules
from services.console.texts import texts_of
from services.console.wording import Wording
from services.hub.alarms.answers import Answer, AnswerError, answered
from services.hub.alarms.desk import AlarmDesk
from services.hub.alarms.notices import notices_of
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store
from tests.fakes import FakeClock
from tests.made_up_ward import fault
from tests.services.store.rows import alarm, message

LATER_NS = 60 * NS_PER_S


def test_a_technical_alarm_is_not_escalated(tmp_path: Path) -> None:
    person, lost = alarm(), fault("bed-4", alarm().raised_ns)
    store = Store.migrated(sqlite_url(tmp_path))
    store.take([message("1")], {}, 1, [person, lost])
    desk = AlarmDesk(store, Topics("wardwatch", "ward"), AlarmRules(()), FakeClock())
    now_ns = person.raised_ns + LATER_NS
    both = desk.of_answer(Answer("bed-4", "escalate", {"by": "kim"}), now_ns)
    assert [it.alarm_id for it in both] == [person.alarm_id]
    problem = rf"^alarm {lost.alarm_id} is technical and cannot be escalated$"
    with pytest.raises(AnswerError, match=problem):
        desk.of_answer(Answer(lost.alarm_id, "escalate", {}), now_ns)
    store.close()


def test_who_calls_for_help_without_a_name_is_somebody() -> None:
    site = Site.model_validate(
        {"site": "w", "notify": [{"name": "n", "url": "json://localhost"}]}
    )
    before = alarm()
    now_ns = before.raised_ns + LATER_NS
    after = answered(before, Answer(before.alarm_id, "escalate", {}), now_ns)
    (notice,) = notices_of(site, before, after)
    assert notice.body.startswith("escalated by somebody at ")
    german = Wording(texts_of("de"))
    assert german.entry(after.history[-1], after) == "jemand hat Hilfe gerufen"
