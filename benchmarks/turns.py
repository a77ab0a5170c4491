"""What the server adds to a turn between its providers, with many calls at once; and whether its own figures
are true.

    python benchmarks/turns.py [--calls 50] [--turns 8] [--soak 500]

A server (`offhook serve`) on one core, and on the others a recogniser, a model and a voice on loopback that
answer in a known time, and callers. A turn waits for nothing but these: its words become final after any
patience has run out. Added is then

    the recogniser's final → the request at the model
  + the model's first clause → the request at the voice
  + the voice's first audio → the first frame at the caller,

each from before the provider sends to after the next one has received. `--soak` places so many calls, one
after the other, and counts those that went wrong. The exit status is 1 if the run does not count: a
machine that is busy with something else measures itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2
import psutil
import uvloop
from turn_callers import GAP_SECONDS, Callers, Outcome, Speech
from turn_providers import Moments, Pace, Providers

from app.simulator import audio
from app.simulator.listening import voice_span
from app.simulator.webhooks import Webhooks

ROOT = Path(__file__).parent.parent
RECORDING = ROOT / "tests/speech/ps_goforward.wav"
SPREAD_SECONDS = 6.0
"""Over which the calls of a batch begin: about a turn."""
LATE_SECONDS = 0.01
"""How late callers (at the 99th percentile) may be for a run to count."""
WAITED = 0.05
"""The share of time for which the thread that all calls share may have waited for its core: for other
programs, or for the server's own threads. (These wait for it in turn, which says nothing of the machine.)"""

PARTS = {
    "final → model": ("final", "request to the model"),
    "token → voice": ("first token", "request to the voice"),
    "audio → wire": ("first audio", "first frame"),
}
STAGES = {
    "decision": "final",
    "first_token": "first token",
    "first_audio": "first audio",
    "voice_to_voice": "first frame",
    "first_frame": "first frame",
    "first_mark": "first mark",
}
"""What the server measures, and the moment outside it that this should be."""


@dataclass
class Usage:
    """What a process has used, in seconds."""

    cpu: float
    waited: float
    """Of its first thread, for a core, while it could have run."""

    @classmethod
    def of(cls, pid: int) -> Usage:
        times = psutil.Process(pid).cpu_times()
        waited = int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1])
        return cls(times.user + times.system, waited / 1e9)


@dataclass
class Run:
    """What came of it."""

    outcomes: list[Outcome]
    moments: Moments
    measured: dict[str, list[dict[str, int]]]
    """By call: the server's own latencies, one entry a turn."""
    cpu_ms: float
    """Per call and second."""
    waited: float
    callers_late: tuple[float, float]
    """99th percentile, worst."""
    providers_late: float
    silences: int


def run_providers(pace: Pace, cores: set[int], parent: Connection) -> None:
    os.sched_setaffinity(0, cores)

    async def serve() -> None:
        providers = Providers(pace)
        parent.send(await providers.start())
        providers.latest = 0.0
        await asyncio.to_thread(parent.recv)
        parent.send((providers.moments, providers.latest))

    uvloop.run(serve())


@contextmanager
def server(core: int, others: set[int], speech: str, model: str) -> Iterator[tuple[str, int]]:
    """`offhook serve` on a core of its own, its database on the `others`. Yields its URL and process."""
    with tempfile.TemporaryDirectory() as folder:
        # Where this runs as root, the embedded database does not, and must pass.
        Path(folder).chmod(0o711)
        port = free_port()
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "PORT": str(port),
            "WEBHOOK_URL": f"http://127.0.0.1:{port}",
            "STATE_DIR": folder,
            "SPEECH_TO_TEXT": "google",
            "TEXT_TO_SPEECH": "google",
            "LANGUAGE_MODEL": "openai",
            "GOOGLE_PLAINTEXT": "true",
            "GOOGLE_CLOUD_PROJECT_ID": "p",
            "GOOGLE_SPEECH_ENDPOINT": speech,
            "GOOGLE_TTS_ENDPOINT": speech,
            "OPENAI_BASE_URL": model,
            "OPENAI_API_KEY": "k",
            "OPERATOR_TOKEN": "operator",
            "AGENT_GREETING": "Hello there.",
            "JOBS": "external",
            "LOG_LEVEL": "warning",
        }
        command = ["taskset", "-c", str(core), sys.executable, "-m", "app", "serve"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process)
            move_database(folder, others)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait()


def move_database(folder: str, cores: set[int]) -> None:
    """Off the server's core, on which it was started: in production it is on a machine of its own."""
    for postmaster in psutil.process_iter():
        if postmaster.name() == "postgres" and any(folder in word for word in postmaster.cmdline()):
            for process in (postmaster, *postmaster.children()):
                process.cpu_affinity(list(cores))


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise SystemExit("The server did not start.")
        try:
            if httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("The server was not ready within a minute.")


async def place(url: str, pid: int, calls: int, turns: int, batches: int) -> dict[str, Any]:
    """Have the calls talked through. Returns what `Run` has of them."""
    recording = audio.load(RECORDING)
    speech = Speech.of(recording, voice_span(recording).end_ms)
    headers = {"Authorization": "Bearer operator"}
    async with httpx2.AsyncClient(timeout=30, trust_env=False, headers=headers) as client:
        callers = Callers(url, Webhooks(client, ""), speech, turns)
        beat = asyncio.create_task(callers.beat())
        before, began = Usage.of(pid), time.monotonic()
        outcomes: list[Outcome] = []
        seconds = [0.0]

        async def call(number: int) -> None:
            await asyncio.sleep(number * SPREAD_SECONDS / calls)
            started = time.monotonic()
            outcomes.append(await callers.call())
            seconds[0] += time.monotonic() - started

        for batch in range(batches):
            await asyncio.gather(*(call(number) for number in range(calls)))
            if batches > 1:
                print(f"{(batch + 1) * calls} calls", flush=True)
        after, took = Usage.of(pid), time.monotonic() - began
        beat.cancel()
        measured = {}
        for outcome in outcomes:
            answer = await client.get(f"{url}/api/calls/{outcome.call_sid}")
            measured[outcome.call_sid] = answer.json()["stats"].get("latencies", [])
        metrics = (await client.get(f"{url}/metrics")).text
    silences = next(line for line in metrics.splitlines() if line.startswith("offhook_silences_total"))
    return {
        "outcomes": outcomes,
        "measured": measured,
        "cpu_ms": (after.cpu - before.cpu) * 1000 / seconds[0],
        "waited": (after.waited - before.waited) / took,
        "callers_late": (percentile(callers.late, 99), max(callers.late)),
        "silences": int(float(silences.split()[1])),
    }


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else 0.0


def joined(run: Run) -> list[tuple[dict[str, float], dict[str, int]]]:
    """Each turn: the moments outside the server, and milliseconds by the server's own clock."""
    turns = []
    for outcome in run.outcomes:
        measured = run.measured[outcome.call_sid]
        for name, first_frame in outcome.first_frames.items():
            number = int(name.partition("t")[2]) - 1
            if number >= min(len(outcome.voice_ended), len(outcome.first_marks), len(measured)):
                continue
            moments = run.moments[name] | {"first frame": first_frame}
            moments |= {
                "voice ended": outcome.voice_ended[number],
                "first mark": outcome.first_marks[number],
            }
            turns.append((moments, measured[number]))
    return turns


def report(run: Run, turns_each: int) -> bool:
    """Print it. Returns whether the run counts."""
    turns = joined(run)
    asked = len(run.outcomes) * turns_each
    print(f"\n{len(run.outcomes)} calls, {len(turns)} of {asked} turns; added by the server, ms:")
    parts = {
        name: [(moments[after] - moments[before]) * 1000 for moments, _ in turns]
        for name, (before, after) in PARTS.items()
    }
    parts["together"] = [sum(each) for each in zip(*parts.values(), strict=True)]
    for name, values in parts.items():
        print(f"  {name:14}" + "".join(f"   p{p} {percentile(values, p):6.1f}" for p in (50, 95, 99)))

    print("The server's own figures less those from outside, ms:")
    for stage, moment in STAGES.items():
        differences = [
            own[stage] - (moments[moment] - moments["voice ended"]) * 1000
            for moments, own in turns
            if stage in own
        ]
        print(
            f"  {stage:14}   p5 {percentile(differences, 5):6.1f}   p50 {percentile(differences, 50):6.1f}"
            f"   p95 {percentile(differences, 95):6.1f}   of {len(differences)}"
        )

    waits = [moments["first frame"] - moments["final"] for moments, _ in turns]
    print(
        f"{sum(not o.goodbye_heard for o in run.outcomes)} goodbyes cut, "
        f"{sum(not o.hung_up for o in run.outcomes)} not hung up, "
        f"{sum(o.unanswered for o in run.outcomes)} turns unanswered, "
        f"{sum(wait > GAP_SECONDS for wait in waits)} answered after {GAP_SECONDS:g} s "
        f"(longest {max(waits, default=0):.2f} s); the server counts {run.silences} silences"
    )
    for error in sorted({outcome.error for outcome in run.outcomes if outcome.error}):
        print(f"  {error}")
    print(f"{run.cpu_ms:.2f} ms of CPU per call and second")
    late, latest = run.callers_late
    print(
        f"The callers were {late * 1000:.1f} ms late (p99, at most {latest * 1000:.0f} ms), the providers at "
        f"most {run.providers_late * 1000:.0f} ms; the server waited for its core {run.waited:.0%} of "
        "the time."
    )
    counts = late <= LATE_SECONDS and run.waited <= WAITED and len(turns) >= 0.99 * asked
    if not counts:
        print("THIS RUN DOES NOT COUNT: the machine was busy with something else, or turns are missing.")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=50, help="at once")
    parser.add_argument("--turns", type=int, default=8, help="of each call")
    parser.add_argument("--soak", type=int, default=0, help="calls in all")
    parser.add_argument("--json", type=Path, help="keep what was measured")
    arguments = parser.parse_args()
    pace = Pace(turns=arguments.turns)
    core, *rest = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    others = set(rest) or {core}
    providers = context.Process(target=run_providers, args=(pace, others, theirs), daemon=True)
    providers.start()
    speech, model = ours.recv()
    os.sched_setaffinity(0, others)
    batches = max(1, arguments.soak // arguments.calls)
    try:
        with server(core, others, speech, model) as (url, pid):
            placed = uvloop.run(place(url, pid, arguments.calls, arguments.turns, batches))
        ours.send("stop")
        moments, late = ours.recv()
    finally:
        providers.terminate()
        providers.join()
    run = Run(moments=moments, providers_late=late, **placed)
    if arguments.json:
        arguments.json.write_text(json.dumps(joined(run)))
    sys.exit(0 if report(run, arguments.turns) else 1)


if __name__ == "__main__":
    main()
