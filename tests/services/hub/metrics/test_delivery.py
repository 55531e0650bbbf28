"""What Prometheus sees of the messages on their ways out."""

from pipelines.clock import NS_PER_S
from tests.services.hub.metrics.metrics_rig import metrics_of, value


def test_messages_that_were_given_up_are_counted_by_target() -> None:
    metrics = metrics_of("bed-4")
    metrics.delivery.dead_notices({"record": 2, "nurses": 0})
    assert value(metrics, "notices_dead", target="record") == 2
    assert value(metrics, "notices_dead", target="nurses") == 0
    metrics.delivery.dead_notices({"nurses": 1})
    assert value(metrics, "notices_dead", target="record") is None
    assert value(metrics, "notices_dead", target="nurses") == 1


def test_messages_about_alarms_are_a_kind_of_their_own() -> None:
    metrics = metrics_of("bed-4")
    metrics.delivery.delivered("alarm", NS_PER_S)
    metrics.delivery.proof(True, 1, {"alarm": 2, "discovery": 3})
    assert value(metrics, "delivered_total", kind="alarm") == 1
    assert value(metrics, "delivered_total", kind="technical") == 0
    assert value(metrics, "refused_total", kind="alarm") == 2
    assert value(metrics, "refused_total", kind="technical") == 3
