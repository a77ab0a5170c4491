from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from app.media_stream.manager import CallTakenError, MediaStreamManager


def manager(idle_seconds: float = 300, max_call_seconds: float = 300) -> MediaStreamManager:
    return MediaStreamManager(idle_seconds=idle_seconds, max_call_seconds=max_call_seconds)


async def test_a_connection_is_found_by_call_and_by_user() -> None:
    calls = manager()
    one = calls.create_connection("CA1", "user1")
    two = calls.create_connection("CA2", "user1")
    calls.create_connection("CA3", "user2")
    assert calls.get_connection("CA1") is one
    assert calls.get_user_connections("user1") == [one, two]
    assert calls.get_user_connections("nobody") == []


async def test_a_call_has_one_stream_at_a_time() -> None:
    calls = manager()
    calls.create_connection("CA1")
    with pytest.raises(CallTakenError):
        calls.create_connection("CA1")


async def test_nothing_of_a_closed_call_stays_behind() -> None:
    calls = manager()
    connection = calls.create_connection("CA1", "user1")
    assert calls.close_connection("CA1", "caller_hung_up")
    assert connection.ended.result() == "caller_hung_up"
    assert calls.get_connection("CA1") is None
    assert calls.get_user_connections("user1") == []
    assert calls.get_connection_stats("CA1") is None
    assert len(calls) == 0


async def test_closing_an_unknown_call_says_so() -> None:
    assert not manager().close_connection("CA1")


async def test_a_call_without_audio_is_ended_as_idle() -> None:
    calls = manager(idle_seconds=-1)
    connection = calls.create_connection("CA1")
    calls.sweep()
    assert connection.ended.result() == "idle"
    assert len(calls) == 0


async def test_a_call_that_lasts_too_long_is_ended() -> None:
    calls = manager(max_call_seconds=-1)
    connection = calls.create_connection("CA1")
    calls.sweep()
    assert connection.ended.result() == "max_duration"


async def test_the_statistics_of_an_open_call_can_be_asked_for() -> None:
    calls = manager()
    calls.create_connection("CA1").add_audio_chunk(bytes(160))
    stats = calls.get_connection_stats("CA1")
    assert stats is not None
    assert stats.bytes_received == 160


async def test_forgetting_an_old_stream_leaves_the_calls_new_one() -> None:
    calls = manager()
    old = calls.create_connection("CA1")
    calls.close_connection("CA1", "connection_lost")
    new = calls.create_connection("CA1")
    calls.forget(old)
    assert calls.get_connection("CA1") is new


async def test_a_server_that_stops_waits_for_its_calls_to_end() -> None:
    calls = manager()
    connection = calls.create_connection("CA1")
    connection.ended.add_done_callback(lambda _ended: calls.forget(connection))
    await calls.close_all("server_stopped", within=5)
    assert calls.draining
    assert len(calls) == 0


async def test_every_frame_is_counted_once_while_the_call_lasts_and_at_its_end() -> None:
    def frames() -> float:
        return REGISTRY.get_sample_value("offhook_frames_received_total") or 0.0

    before = frames()
    calls = manager()
    connection = calls.create_connection("CA1")
    connection.add_audio_chunk(bytes(160))
    connection.add_audio_chunk(bytes(160))
    calls.sweep()
    assert frames() - before == 2
    connection.add_audio_chunk(bytes(160))
    calls.close_connection("CA1")
    assert frames() - before == 3
