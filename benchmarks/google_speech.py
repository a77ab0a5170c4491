"""What recognition by Google costs on our side: CPU milliseconds per call and second, 20 ms frames in.

    python benchmarks/google_speech.py [--calls 100] [--seconds 10] [--client failover|offhook|google]

The server is a process of its own on loopback that takes Google's requests as bytes and answers each call
with an interim twice a second and a final every four. `failover` is what a call uses: the recogniser behind
the layer that changes to another one; `offhook` is the recogniser alone, `google` SpeechAsyncClient used as
documented. A run counts if 98 % of the answers came and no frame was more than 100 ms late.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import uvloop
from google.cloud import speech_v2
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcAsyncIOTransport

from app.services.speech_to_text import SpeechToText
from app.services.speech_to_text.failover import FailoverSpeechToText
from app.services.speech_to_text.google import GoogleSpeechToText
from app.services.speech_to_text.google.requests import dialect
from app.settings import load_settings

FRAME = bytes(range(160))
FRAME_SECONDS = 0.02
GROUPS = 10
"""Calls whose frames come together; real ones come whenever they come."""


def response(at_ms: int, *, is_final: bool) -> bytes:
    result = speech_v2.StreamingRecognitionResult(
        alternatives=[{"transcript": "please remind me to call my mother at seven"}],
        is_final=is_final,
        result_end_offset={"seconds": at_ms // 1000, "nanos": at_ms % 1000 * 1_000_000},
    )
    message = speech_v2.StreamingRecognizeResponse(results=[result])
    serialized: bytes = speech_v2.StreamingRecognizeResponse.serialize(message)
    return serialized


async def recognise(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
    count = -1
    async for _request in requests:
        count += 1
        if count and count % 5 == 0:
            yield response(count * 100, is_final=count % 40 == 0)


async def serve(parent: Connection) -> None:
    server = grpc.aio.server(options=[("grpc.max_concurrent_streams", 100)])
    handler = grpc.stream_stream_rpc_method_handler(recognise)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "google.cloud.speech.v2.Speech", {"StreamingRecognize": handler}
            ),
        )
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    parent.send(f"127.0.0.1:{port}")
    await server.wait_for_termination()


def run_server(parent: Connection) -> None:
    uvloop.run(serve(parent))


async def with_offhook(address: str, calls: int, seconds: float, *, failover: bool = False) -> int:
    settings = load_settings(
        google_speech_endpoint=address, google_plaintext=True, google_cloud_project_id="p"
    )
    recogniser: SpeechToText = GoogleSpeechToText(settings)
    if failover:
        second = GoogleSpeechToText(settings)
        second.name = "second"
        recogniser = FailoverSpeechToText([recogniser, second], settings.failover_seconds)
    await recogniser.start()
    heard, streams = [0], []

    async def call() -> None:
        async with recogniser.stream("CA1") as stream:
            streams.append(stream)
            async for _ in stream:
                heard[0] += 1

    tasks = [asyncio.create_task(call()) for _ in range(calls)]
    await asyncio.sleep(1)
    await frames(seconds, [stream.push for stream in streams])
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await recogniser.aclose()
    return heard[0]


async def with_google(address: str, calls: int, seconds: float) -> int:
    """SpeechAsyncClient as its documentation has it, 100 ms a request, on as many channels as it needs."""
    settings = load_settings(google_cloud_project_id="p")
    first = speech_v2.StreamingRecognizeRequest.deserialize(dialect(settings, "p").config)
    options = [("grpc.use_local_subchannel_pool", 1)]
    clients = [
        speech_v2.SpeechAsyncClient(
            transport=SpeechGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(address, options=options))
        )
        for _ in range(calls // 80 + 1)
    ]
    heard = [0]
    queues: list[asyncio.Queue[bytes]] = [asyncio.Queue() for _ in range(calls)]

    async def requests(queue: asyncio.Queue[bytes]) -> AsyncIterator[speech_v2.StreamingRecognizeRequest]:
        yield first
        held = b""
        while True:
            held += await queue.get()
            if len(held) >= 800:
                yield speech_v2.StreamingRecognizeRequest(audio=held)
                held = b""

    async def call(number: int) -> None:
        client = clients[number % len(clients)]
        stream = await client.streaming_recognize(requests=requests(queues[number]))
        async for answer in stream:
            for result in answer.results:
                heard[0] += bool(result.alternatives[0].transcript)

    tasks = [asyncio.create_task(call(number)) for number in range(calls)]
    await asyncio.sleep(1)
    await frames(seconds, [queue.put_nowait for queue in queues])
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return heard[0]


async def frames(seconds: float, pushes: list[Any]) -> None:
    """Push a frame to every call each 20 ms, the calls spread over them, and say what it cost."""
    for number, push in enumerate(pushes):
        push(FRAME * (number // GROUPS % 5))
    await asyncio.sleep(0.5)
    begun, cpu, late = time.monotonic(), cpu_seconds(), 0.0
    for number in range(int(seconds / FRAME_SECONDS) * GROUPS):
        wait = begun + number * FRAME_SECONDS / GROUPS - time.monotonic()
        late = max(late, -wait)
        await asyncio.sleep(max(0.0, wait))
        for push in pushes[number % GROUPS :: GROUPS]:
            push(FRAME)
    cost = (cpu_seconds() - cpu) * 1000 / len(pushes) / (time.monotonic() - begun)
    print(f"{len(pushes)} calls: {cost:.2f} ms of CPU per call and second; at most {late * 1000:.0f} ms late")


def cpu_seconds() -> float:
    """On a processor, all threads, gRPC's own too: what the scheduler counts is exact to the nanosecond."""
    stats = Path("/proc/self/task").glob("*/schedstat")
    return sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--client", choices=["failover", "offhook", "google"], default="failover")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=run_server, args=(theirs,), daemon=True)
    server.start()
    clients: dict[str, Any] = {
        "failover": partial(with_offhook, failover=True),
        "offhook": with_offhook,
        "google": with_google,
    }
    client = clients[arguments.client]
    try:
        heard = uvloop.run(client(ours.recv(), arguments.calls, arguments.seconds))
    finally:
        server.terminate()
        server.join()
    expected = arguments.calls * arguments.seconds * 2
    print(f"{arguments.client}: {heard / expected:.0%} of the answers came")


if __name__ == "__main__":
    main()
