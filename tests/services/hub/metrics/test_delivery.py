"""What Prometheus sees of the messages on their ways out."""

from tests.services.hub.metrics.metrics_rig import metrics_of, value


def test_messages_that_were_given_up_are_counted_by_target() -> None:
    metrics = metrics_of("bed-4")
    metrics.delivery.dead_notices({"record": 2, "nurses": 0})
    assert value(metrics, "notices_dead", target="record") == 2
    assert value(metrics, "notices_dead", target="nurses") == 0
    metrics.delivery.dead_notices({"nurses": 1})
    assert value(metrics, "notices_dead", target="record") is None
    assert value(metrics, "notices_dead", target="nurses") == 1
