"""HTTP/2 connections to Google, each with room for so many streams."""

from __future__ import annotations

from collections.abc import Callable

import grpc.aio

STREAMS = 80
"""On one channel. Google allows 100; the 101st hangs without an error (measured)."""

OPTIONS: list[tuple[str, int]] = [
    # Channels to the same address share one connection otherwise.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # Retrying is decided above, where the audio is.
    ("grpc.enable_retries", 0),
]


class Channels:
    """The pool. It grows as it must and shrinks to one."""

    def __init__(self, make: Callable[[], grpc.aio.Channel], streams: int = STREAMS) -> None:
        self._make = make
        self._streams = streams
        self._leases: dict[grpc.aio.Channel, int] = {}
        self._retired: set[grpc.aio.Channel] = set()

    def __len__(self) -> int:
        return len(self._leases)

    def lease(self) -> grpc.aio.Channel:
        """A channel with room for one more stream; give it back with `release`."""
        for channel, leases in self._leases.items():
            if leases < self._streams and channel not in self._retired:
                break
        else:
            channel = self._make()
            self._leases[channel] = 0
        self._leases[channel] += 1
        return channel

    async def release(self, channel: grpc.aio.Channel, *, usable: bool = True) -> None:
        """Give a channel back; one that is not `usable` takes no more streams."""
        if channel not in self._leases:
            return
        if not usable:
            self._retired.add(channel)
        self._leases[channel] -= 1
        if self._leases[channel] == 0 and (len(self._leases) > 1 or channel in self._retired):
            del self._leases[channel]
            self._retired.discard(channel)
            await channel.close()

    async def aclose(self) -> None:
        """Close all; their RPCs end."""
        channels = list(self._leases)
        self._leases.clear()
        self._retired.clear()
        for channel in channels:
            await channel.close()
