"""What the house measures of itself, in the form that Prometheus reads. Counts and times only: no party, no lot, no path.

Each server has its own registry, so two of them in one process (tests) don't add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Reading = tuple[str, str, dict[str, float]]
"""Name, what it is, values by the label `kind` ("": no label). A name that ends in `_total` is a counter, else a gauge."""


class Metrics:
    """The registry, and the counters that the door itself keeps."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "gavelhouse_http_requests", "Requests answered.", ["route", "method", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "gavelhouse_http_request_seconds",
            "Time from a request's head to the end of its answer.",
            ["route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.crashes = Counter("gavelhouse_crashes", "Requests that ended in a bug.", registry=self.registry)

    def read_from(self, readings: Callable[[], Iterator[Reading]]) -> None:
        """Ask `readings` each time that the page is read: for parts that keep their own counts."""
        self.registry.register(_Readings(readings))

    def page(self) -> bytes:
        """Everything, as text."""
        return generate_latest(self.registry)


class _Readings(Collector):
    def __init__(self, readings: Callable[[], Iterator[Reading]]) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        for name, meaning, values in self._readings():
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            metric = family(name.removesuffix("_total"), meaning, labels=[] if "" in values else ["kind"])
            for kind, value in values.items():
                metric.add_metric([kind] if kind else [], value)
            yield metric


class Measured:
    """Counts and times each request under its route's name; a path would carry ids and tokens."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            route = scope.get("state", {}).get("route_name", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(route, method, str(status)).inc()
            self._metrics.seconds.labels(route).observe(perf_counter() - started)


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
