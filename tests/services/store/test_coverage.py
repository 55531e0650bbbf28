"""The parts of a day add up."""

from services.store.coverage import Covered
from services.store.store import Store


def test_parts_of_a_day_add_up_by_subject_and_reason(store: Store) -> None:
    day, next_day = "2026-11-29", "2026-11-30"
    store.coverage.add(
        [
            Covered("bed-5", day, "online", 2.0),
            Covered("bed-4", day, "online", 2.0),
            Covered("bed-4", day, "camera", 1.5),
        ]
    )
    store.coverage.add([Covered("bed-4", day, "online", 0.5)])
    store.coverage.add([Covered("bed-4", next_day, "online", 9.0)])
    assert store.coverage.of_day(day) == [
        Covered("bed-4", day, "camera", 1.5),
        Covered("bed-4", day, "online", 2.5),
        Covered("bed-5", day, "online", 2.0),
    ]
    assert store.coverage.of_day("2026-12-01") == []
