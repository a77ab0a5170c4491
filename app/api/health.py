"""What a platform asks: alive, able to take a call, and in which figures."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import metrics
from app.api.json import Json

Check = Callable[[], bool]


class Health:
    """`checks` are named; each says whether its part could serve a call now."""

    def __init__(self, checks: dict[str, Check]) -> None:
        self._checks = checks

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        ]

    async def healthz(self, _request: Request) -> Response:
        return Json({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """200 when every part is ready, else 503 with what is not."""
        waiting = [name for name, check in self._checks.items() if not check()]
        if waiting:
            return Json({"status": "starting", "waiting_for": waiting}, 503)
        return Json({"status": "ready"})

    async def metrics(self, _request: Request) -> Response:
        metrics.TASKS.set(len(asyncio.all_tasks()))
        registry = REGISTRY
        # Set by `offhook serve --workers`: the figures of all its processes together.
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
