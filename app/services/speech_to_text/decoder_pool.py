"""The recogniser processes and the queue that feeds them."""

from __future__ import annotations

import asyncio
import logging

from app.metrics import INTERIMS_SHED
from app.services.speech_to_text.decode_queue import DecodeQueue, Job, Urgency
from app.services.worker_process import WorkerDiedError, WorkerError, WorkerProcess

logger = logging.getLogger(__name__)

TRIES = 2
"""A final whose process died is decoded once more by another. A third death would be the audio's fault."""
PATIENCE = 30.0
"""Seconds. 15 s of speech take 0.4 s of CPU; a decoder that went round in circles took 20 s (measured)."""


class DecoderPool:
    """`size` recogniser processes, each with one job at a time."""

    def __init__(self, size: int) -> None:
        self._workers = [
            WorkerProcess(
                f"recogniser {number}", "app.services.speech_to_text.moonshine_worker", patience=PATIENCE
            )
            for number in range(1, size + 1)
        ]
        self._queue = DecodeQueue()
        self._filled = asyncio.Event()
        self._runners: list[asyncio.Task[None]] = []
        self._shed = 0
        """Guesses dropped since the queue was last empty."""

    @property
    def ready(self) -> bool:
        """Whether at least one process could decode now."""
        return any(worker.ready for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """The running processes, for those who watch or kill them."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def start(self) -> None:
        """Start every process; returns when all have loaded.

        Raises:
            WorkerError: one could not start.
        """
        try:
            await asyncio.gather(*(worker.start() for worker in self._workers))
        except BaseException:
            await self.aclose()
            raise
        self._runners = [asyncio.create_task(self._run(worker), name=worker.name) for worker in self._workers]

    async def aclose(self) -> None:
        """End the processes; jobs that wait are forgotten."""
        for runner in self._runners:
            runner.cancel()
        if self._runners:
            await asyncio.wait(self._runners)
        await asyncio.gather(*(worker.aclose() for worker in self._workers))

    def submit(self, job: Job) -> None:
        """Have a job decoded when its turn comes."""
        victim = self._queue.put(job)
        self._filled.set()
        if victim is None:
            return
        if victim.urgency is Urgency.FINAL:
            self._lose(victim, "recognition is too far behind")
            return
        INTERIMS_SHED.inc()
        if self._shed == 0:
            logger.warning("Recognition has fallen behind: interim results are dropped until it catches up.")
        self._shed += 1

    def discard(self, stream: str) -> None:
        """Forget what a stream wanted."""
        self._queue.discard(stream)

    async def _run(self, worker: WorkerProcess) -> None:
        while True:
            # A process that is being restarted takes no job from those that run.
            await worker.wait_ready()
            await self._decode(worker, await self._take())

    async def _decode(self, worker: WorkerProcess, job: Job) -> None:
        job.tries += 1
        try:
            _finish(job, await worker.ask(job.audio, str))
        except WorkerDiedError:
            if job.urgency is not Urgency.FINAL:
                job.shed = True
            elif job.tries < TRIES:
                self.submit(job)
            else:
                self._lose(job, "the recogniser died on it twice")
        except WorkerError as error:
            self._lose(job, str(error))

    def _lose(self, job: Job, reason: str) -> None:
        logger.error("An utterance of %s is lost: %s.", job.stream, reason)
        _finish(job, "")

    async def _take(self) -> Job:
        while not self._queue:
            if self._shed:
                logger.info("Recognition has caught up; %d interim results were dropped.", self._shed)
                self._shed = 0
            self._filled.clear()
            await self._filled.wait()
        return self._queue.take()


def _finish(job: Job, text: str) -> None:
    try:
        job.finish(text)
    except Exception:  # one stream's mistake is not to end recognition for all
        logger.exception("What was said in %s could not be handed over.", job.stream)
