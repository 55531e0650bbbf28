"""The metrics of made-up subjects, and what Prometheus reads of them."""

from prometheus_client import CollectorRegistry

from services.hub.metrics.metrics import Metrics


def metrics_of(*subjects: str) -> Metrics:
    metrics = Metrics(CollectorRegistry(), ["fall"], now_ns=0)
    metrics.subjects.watch({name: ["camera", "imu"] for name in subjects})
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"wardwatch_{name}", labels)
