"""Recordings of people through the real engines, which are stopped, killed and left in the middle."""

from __future__ import annotations

import asyncio
import audioop
import gc
import logging
import math
import os
import random
import signal
import struct
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest
from prometheus_client import REGISTRY

from app.errors import SettingError
from app.services.speech_to_text import Final, Interim, RecognitionEvent, SpeechEnded, SpeechStarted
from app.services.speech_to_text.decode_queue import Job, Urgency
from app.services.speech_to_text.decoder_pool import DecoderPool
from app.services.speech_to_text.local import LocalSpeechToText, LocalStream
from app.services.speech_to_text.segmenter import Finish, Window
from app.services.worker_process import WorkerDiedError, WorkerError, WorkerProcess
from app.settings import load_settings
from tests.services.speech_to_text import wer
from tests.services.speech_to_text.recordings import REFERENCES, recording, silence

T = TypeVar("T")


@asynccontextmanager
async def own_recogniser(workers: int = 1) -> AsyncIterator[LocalSpeechToText]:
    recogniser = LocalSpeechToText(load_settings(local_speech_workers=workers))
    await recogniser.start()
    try:
        yield recogniser
    finally:
        await recogniser.aclose()


async def events(
    recogniser: LocalSpeechToText, audio: bytes, piece: int = 1 << 20, sid: str = "CA1"
) -> list[RecognitionEvent]:
    async with recogniser.stream(sid) as stream:
        for begin in range(0, len(audio), piece):
            stream.push(audio[begin : begin + piece])
        stream.finish()
        return [event async for event in stream]


def shed_so_far() -> float:
    return REGISTRY.get_sample_value("offhook_interims_shed_total") or 0.0


def text(heard: list[RecognitionEvent]) -> str:
    return " ".join(event.text for event in heard if isinstance(event, Final))


@pytest.mark.parametrize(
    ("file", "ms", "said"),
    [
        ("ps_cards5.wav", 2800, "eight of spades four of clubs seven of"),
        ("an4_date1.wav", 1600, "march third nineteen"),
    ],
)
async def test_of_half_a_word_at_the_end_no_words_are_made_up(file: str, ms: int, said: str) -> None:
    worker = WorkerProcess("half", "app.services.speech_to_text.moonshine_worker", patience=30.0)
    async with aclosing(worker):
        await worker.start()
        heard = await worker.ask(recording(file)[8 * 500 : 8 * (500 + ms)], str)
    assert wer.errors(said, heard) <= 1, heard


async def test_people_are_understood_and_calls_kept_apart(recogniser: LocalSpeechToText) -> None:
    heard = await asyncio.gather(*(events(recogniser, recording(file), sid=file) for file in REFERENCES))
    errors = said = 0
    for reference, call in zip(REFERENCES.values(), heard, strict=True):
        errors += wer.errors(reference, text(call))
        said += len(wer.words(reference))
    assert errors / said <= 0.1


async def test_events_tell_a_story_in_milliseconds_of_audio(recogniser: LocalSpeechToText) -> None:
    heard = await events(recogniser, recording("lv_0880.wav"))
    started, *between, ended, final = heard
    assert isinstance(started, SpeechStarted)
    assert isinstance(ended, SpeechEnded)
    assert isinstance(final, Final)
    assert all(isinstance(event, Interim) and event.started_ms == started.at_ms for event in between)
    # Measured in the recording: the voice is between 760 and 3400 ms.
    assert started.at_ms == pytest.approx(760, abs=64)
    assert ended.at_ms == pytest.approx(3360, abs=128)
    assert (final.started_ms, final.ended_ms) == (started.at_ms, ended.at_ms)


async def test_a_pause_is_told_with_its_words_and_the_voice_that_goes_on_belongs_to_the_same_utterance(
    recogniser: LocalSpeechToText,
) -> None:
    audio = recording("ps_cards5.wav")
    # Between "four of clubs" and "seven of hearts".
    pause = 8 * 2690
    first, rest = audio[:pause] + silence(400), audio[pause:]
    async with recogniser.stream("CA1") as stream:
        stream.push(first)
        events = aiter(stream)
        heard: list[RecognitionEvent] = []
        while not any(
            isinstance(event, Interim) and event.stable and "clubs" in event.text for event in heard
        ):
            heard.append(await anext(events))
        assert isinstance(heard[-2], SpeechEnded)
        told = len(heard)
        stream.push(rest)
        stream.finish()
        heard += [event async for event in events]
    assert isinstance(heard[told], SpeechStarted)
    finals = [event for event in heard if isinstance(event, Final)]
    assert finals == heard[-1:]
    final = heard[-1]
    assert isinstance(final, Final)
    assert "clubs" in final.text.lower()
    assert "hearts" in final.text.lower()


async def test_audio_may_come_in_pieces_of_any_length(recogniser: LocalSpeechToText) -> None:
    audio = recording("ps_goforward.wav")
    whole, frames, odd = await asyncio.gather(
        events(recogniser, audio), events(recogniser, audio, 160), events(recogniser, audio, 997)
    )
    assert text(whole)
    assert text(whole) == text(frames) == text(odd)


async def test_a_caller_cut_off_in_the_middle_of_a_word_is_heard_out(recogniser: LocalSpeechToText) -> None:
    audio = recording("lv_0870.wav")[: 8 * 4000]
    heard = await events(recogniser, audio)
    assert isinstance(heard[-1], Final)
    assert "dashwood" in heard[-1].text.lower()


async def test_the_words_in_which_a_caller_is_cut_off_are_heard_once(recogniser: LocalSpeechToText) -> None:
    heard = await events(recogniser, recording("an4_date3.wav")[:20_000])
    assert wer.words(text(heard)).count("seven") <= 2  # twenty-seven, fifty-seven


async def test_a_caller_who_hangs_up_with_the_last_word_is_heard_out(recogniser: LocalSpeechToText) -> None:
    async def voice_end(file: str) -> int:
        heard = await events(recogniser, recording(file), sid=file)
        return max(event.ended_ms for event in heard if isinstance(event, Final))

    errors = said = 0
    for file, reference in REFERENCES.items():
        end = await voice_end(file)
        heard = await events(recogniser, recording(file)[: 8 * end], sid=file)
        last = heard[-1]
        assert isinstance(last, Final)
        assert last.ended_ms == pytest.approx(end, abs=64)
        errors += wer.errors(reference, text(heard))
        said += len(wer.words(reference))
    assert errors / said <= 0.1


async def test_an_utterance_whose_words_are_lost_is_final_and_empty() -> None:
    async with own_recogniser() as recogniser, recogniser.stream("CA1") as stream:

        async def kill_every_decoder() -> None:
            while True:
                for decoder in recogniser.decoders.pids if recogniser.decoders.ready else []:
                    with suppress(ProcessLookupError):  # the one before may not be missed yet
                        os.kill(decoder, signal.SIGKILL)
                await asyncio.sleep(0.005)

        async with asyncio.timeout(30):
            killing = asyncio.create_task(kill_every_decoder())
            stream.push(recording("lv_0880.wav"))
            stream.finish()
            heard = [event async for event in stream]
            killing.cancel()
        started, ended, final = heard
        assert isinstance(started, SpeechStarted)
        assert isinstance(ended, SpeechEnded)
        assert final == Final("", started.at_ms, ended.at_ms)


SOUNDS: dict[str, Callable[[int, random.Random], float]] = {
    "silence": lambda n, rng: 0,
    "noise": lambda n, rng: rng.gauss(0, 600),
    "touch tone": lambda n, rng: 6000 * (math.sin(n * 0.5474) + math.sin(n * 0.9495)),  # "1": 697 and 1209 Hz
}


@pytest.mark.parametrize("sound", SOUNDS)
async def test_what_is_not_a_voice_is_not_decoded(recogniser: LocalSpeechToText, sound: str) -> None:
    rng = random.Random(1)
    pcm = b"".join(struct.pack("<h", int(SOUNDS[sound](n, rng))) for n in range(4 * 8000))
    assert await events(recogniser, audioop.lin2ulaw(pcm, 2)) == []


async def test_a_final_survives_the_death_of_its_decoder() -> None:
    async with own_recogniser() as recogniser, recogniser.stream("CA1") as stream:
        [decoder] = recogniser.decoders.pids
        os.kill(decoder, signal.SIGSTOP)
        stream.push(recording("ps_goforward.wav"))
        stream.finish()
        heard = []
        async for event in stream:
            heard.append(event)
            if isinstance(event, SpeechEnded):
                os.kill(decoder, signal.SIGKILL)
        assert text(heard).startswith("Go forward")
        assert recogniser.decoders.pids != [decoder]


async def test_no_word_is_lost_when_the_voice_detector_dies() -> None:
    async with own_recogniser() as recogniser, recogniser.stream("CA1") as stream:
        detector = recogniser.vad.pid
        assert detector is not None
        os.kill(detector, signal.SIGSTOP)
        stream.push(recording("lv_0880.wav"))
        stream.finish()
        await asyncio.sleep(0)
        os.kill(detector, signal.SIGKILL)
        heard = [event async for event in stream]
        assert wer.errors(REFERENCES["lv_0880.wav"], text(heard)) <= 1
        assert recogniser.vad.pid != detector


async def test_it_is_not_ready_while_a_process_is_missing() -> None:
    async with own_recogniser() as recogniser:
        assert recogniser.vad.pid is not None
        readiness = [recogniser.ready]
        os.kill(recogniser.vad.pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            await recogniser.vad.ask(("x", silence(32)), list[Window])
        readiness.append(recogniser.ready)
        await recogniser.vad.wait_ready()
        readiness.append(recogniser.ready)
        assert readiness == [True, False, True]


async def test_overload_drops_interims_says_so_once_and_loses_no_final(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="app.services.speech_to_text")
    shed = shed_so_far()
    async with own_recogniser() as recogniser, AsyncExitStack() as calls:
        [decoder] = recogniser.decoders.pids
        os.kill(decoder, signal.SIGSTOP)
        streams = [await calls.enter_async_context(recogniser.stream(f"CA{n}")) for n in range(5)]
        for stream in streams:
            stream.push(recording("ps_cards5.wav"))
            stream.finish()
            async for event in stream:
                if isinstance(event, SpeechEnded):
                    break
        os.kill(decoder, signal.SIGCONT)
        for stream in streams:
            said = text([event async for event in stream])
            assert wer.rate(REFERENCES["ps_cards5.wav"], said) < 0.25
    assert shed_so_far() > shed
    behind = [record for record in caplog.records if "fallen behind" in record.message]
    assert len(behind) == 1
    assert any("caught up" in record.message for record in caplog.records)


async def test_streams_left_at_any_moment_leave_nothing_behind(recogniser: LocalSpeechToText) -> None:
    audio = recording("an4_date1.wav")
    left: list[weakref.ref[object]] = []
    rng = random.Random(2)
    for _ in range(100):
        async with recogniser.stream("CA1") as stream:
            stream.push(audio[: rng.randrange(len(audio))])
            await asyncio.sleep(rng.random() * 0.03)
        left.append(weakref.ref(stream))
        del stream
    async with asyncio.timeout(10):
        # A decode that is under way names its stream until it is done.
        while any(ref() is not None for ref in left):
            await asyncio.sleep(0.01)
            gc.collect()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("recognition of")]


async def test_leaving_frees_the_calls_state_in_the_voice_detector(recogniser: LocalSpeechToText) -> None:
    voice = recording("jfk.wav")[8 * 1000 : 8 * 1032]
    fresh = await recogniser.vad.ask(("fresh", voice), list[Window])
    async with recogniser.stream("CA1") as stream:
        stream.push(recording("jfk.wav"))
        stream.finish()
        assert [event async for event in stream]
        name = stream.name
    assert await recogniser.vad.ask((name, voice), list[Window]) == fresh


async def test_closing_ends_running_streams_and_all_processes() -> None:
    async with own_recogniser(workers=2) as recogniser:
        assert recogniser.vad.pid is not None
        pids = [recogniser.vad.pid, *recogniser.decoders.pids]
        async with recogniser.stream("CA1") as stream:
            stream.push(recording("jfk.wav"))
            assert isinstance(await anext(aiter(stream)), SpeechStarted)
            await recogniser.aclose()
            assert not any(isinstance(event, Final) for event in [event async for event in stream])
    assert not recogniser.ready
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_stream_opened_after_closing_ends_at_once() -> None:
    async with own_recogniser() as recogniser:
        await recogniser.aclose()
        async with recogniser.stream("CA1") as stream, asyncio.timeout(5):
            assert [event async for event in stream] == []


async def test_a_stream_ends_when_the_voice_detector_is_closed_under_it() -> None:
    async with own_recogniser() as recogniser, recogniser.stream("CA1") as stream, asyncio.timeout(10):
        stream.push(silence(1000))
        await asyncio.sleep(0)
        await recogniser.vad.aclose()
        stream.push(silence(1000))
        assert [event async for event in stream] == []


async def test_a_stream_that_cannot_go_on_says_so_to_whoever_iterates() -> None:
    # A worker that knows nothing of voices refuses every request.
    stranger = WorkerProcess("voice detector", "tests.services.toy_worker")
    await stranger.start()
    stream = LocalStream("CA1", stranger, DecoderPool(1))
    listening = asyncio.create_task(stream.listen())
    try:
        stream.push(silence(1000))
        with pytest.raises(WorkerError, match="voice detector: ValidationError"):
            async with asyncio.timeout(10):
                [event async for event in stream]
    finally:
        await stranger.aclose()
        await listening


async def test_one_streams_mistake_does_not_end_recognition_for_the_others() -> None:
    async def decoded(stream: str, on_done: Callable[[Job], None]) -> None:
        pool.submit(Job(stream, Urgency.FINAL, Finish(0, 8000, 0, 1000), silence(1000), on_done))

    pool = DecoderPool(1)
    await pool.start()
    try:
        done: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        await decoded("CA1", lambda job: job.no_such_attribute)  # type: ignore[attr-defined]
        await decoded("CA2", done.set_result)
        async with asyncio.timeout(10):
            assert (await done).text is not None
    finally:
        await pool.aclose()


class CountingWorker(WorkerProcess):
    asked = 0

    async def ask(self, question: object, answer: type[T]) -> T:
        self.asked += 1
        return await super().ask(question, answer)


async def test_the_voice_detector_is_asked_when_it_matters_and_not_for_every_window() -> None:
    detector = CountingWorker("voice detector", "app.services.speech_to_text.vad_worker")
    await detector.start()
    stream = LocalStream("CA1", detector, DecoderPool(1))
    listening = asyncio.create_task(stream.listen())
    try:
        for _ in range(100):
            stream.push(silence(20))
            await detector.ask(("other", silence(32)), list[Window])  # until it has judged what there is
        # Two seconds are 62 windows; it takes four to decide anything.
        assert detector.asked - 100 == 15
    finally:
        stream.end()
        listening.cancel()
        await detector.aclose()


async def test_a_missing_engine_is_a_setting_error_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "moonshine_voice.py").write_text("raise ModuleNotFoundError('No moonshine_voice')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    recogniser = LocalSpeechToText(load_settings())
    with pytest.raises(SettingError, match=r"SPEECH_TO_TEXT.*No moonshine_voice.*offhook\[local-speech\]'"):
        await recogniser.start()
    assert recogniser.vad.pid is None
    assert recogniser.decoders.pids == []
