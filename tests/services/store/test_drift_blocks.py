"""The course of drift detection in the store."""

from services.store.drift_blocks import DriftBlock
from services.store.store import Store


def test_a_day_of_a_subject_is_read_in_order_and_a_block_replaces_itself(
    store: Store,
) -> None:
    first, last = DriftBlock("bed-1", 10, 0.8, None), DriftBlock("bed-1", 20, None, 0.4)
    others = [DriftBlock("bed-1", 30, 0.1, 0.1), DriftBlock("bed-2", 15, 0.1, 0.1)]
    store.drift_blocks.put([last, DriftBlock("bed-1", 10, 0.5, 0.5), *others])
    store.drift_blocks.put([first])
    assert store.drift_blocks.within("bed-1", 10, 30) == [first, last]
