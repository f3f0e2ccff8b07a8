"""What the process has done and how full it is, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.service.jobs.store import JobStore
from app.service.slots import Slots
from app.service.store import ImageStore

# Seconds; from a thumbnail to the deadline.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# When a series began is of no use to anyone here, and doubles the text.
disable_created_metrics()  # type: ignore[no-untyped-call]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


class Metrics:
    """Counters of one application, and gauges that are read when they are asked for.

    Labels take few values whatever is sent: routes as they are declared, methods that exist.
    """

    def __init__(self, slots: Slots, store: ImageStore, jobs: JobStore) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "convscope_requests",
            "Answers by method, route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "convscope_request_seconds",
            "Time from request to end of answer, by route.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._refusals = Counter(
            "convscope_refusals",
            "Requests refused, by reason.",
            ("reason",),
            registry=self._registry,
        )
        self.running = 0
        self._registry.register(_Gauges(self, slots, store, jobs))

    def count(self, method: str, route: str, status: int, seconds: float, reason: str) -> None:
        """Count one answer.

        Args:
            method: of the request.
            route: the path as the application declares it; empty where none fits.
            status: of the answer.
            seconds: from the request to the end of the answer.
            reason: why the request was refused; empty where it was not.
        """
        known = method if method in METHODS else OTHER
        self._answers.labels(known, route or OTHER, status).inc()
        self._seconds.labels(route or OTHER).observe(seconds)
        if reason:
            self._refusals.labels(reason).inc()

    def text(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    """What is true at the moment of asking."""

    def __init__(self, metrics: Metrics, slots: Slots, store: ImageStore, jobs: JobStore) -> None:
        self._metrics = metrics
        self._slots = slots
        self._store = store
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        taken, count = self._slots.taken, self._slots.count
        images, size = self._store.usage()
        jobs, pictures, results = self._jobs.usage()
        for name, meaning, value in (
            ("requests_running", "Requests being answered.", self._metrics.running),
            ("slots", "Computations that can run at the same time.", count),
            ("slots_busy", "Computations that run.", min(taken, count)),
            ("queue_length", "Computations that wait for a slot.", max(0, taken - count)),
            ("jobs_open", "Jobs that have not ended.", jobs),
            ("jobs_pictures_left", "Pictures of jobs that are still to be done.", pictures),
            ("results_bytes", "Bytes of the results of jobs.", results),
            ("store_images", "Pictures kept.", images),
            ("store_bytes", "Bytes of the pictures kept.", size),
        ):
            yield GaugeMetricFamily(f"convscope_{name}", meaning, value)
