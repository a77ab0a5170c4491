from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.conversation.reply import NOTHING_LEFT
from app.conversation.speaking import APOLOGY, FILLERS
from app.conversation.transcript import TranscriptLine
from app.services.language_model import GoOn, HangUp, Item, Message, SaveItem, Say, Transfer
from app.services.language_model.clauses import split
from app.services.speech_to_text import Final, Interim, SpeechEnded, SpeechStarted
from tests.conversation.engines import Call, ScriptedJudge, a_call

NOTE = Item("1" * 32, "note", "buy milk")
GREETING = "Hello, this is a greeting of some length."


async def greeted(call: Call) -> None:
    await call.until_clause("Hello.")
    call.play_marks()
    await settled(call)


async def settled(call: Call) -> None:
    """Let the reply's task notice that all has been heard, and write it down."""
    async with asyncio.timeout(5):
        while call.line.heard():
            await asyncio.sleep(0)


@asynccontextmanager
async def greeting_heard(judge: ScriptedJudge | None = None) -> AsyncIterator[Call]:
    """A call whose greeting has been sent, and is being heard."""
    async with a_call(greeting=GREETING, listening=judge) as call:
        await call.until_clause(GREETING)
        yield call


def say(call: Call, text: str, at_ms: int = 0) -> None:
    """The caller has said this, and has been silent since for longer than anybody would wait."""
    call.pass_time(5)
    call.ears.hear(SpeechStarted(at_ms), SpeechEnded(at_ms + 500), Final(text, at_ms, at_ms + 500))


async def interrupted_at_four(call: Call, last: str = "One two three four five six seven.") -> None:
    """The caller has asked, and speaks up while the assistant counts to seven. `last`: the last clause."""
    await greeted(call)
    say(call, "Count.")
    await call.until_clause(last)
    # 34 characters at 20 ms: after 400 ms of 680 the caller has heard "One two three four".
    await asyncio.sleep(0.4)
    call.speak_up()
    await call.until("clear")


async def test_the_caller_is_greeted() -> None:
    async with a_call() as call:
        await greeted(call)
        assert call.lines() == [("assistant", "Hello.", False)]


async def test_the_callers_audio_goes_to_the_recogniser() -> None:
    async with a_call() as call:
        await greeted(call)
        call.line.receive('{"event":"media","media":{"payload":"/38A"}}')
        assert call.ears.pushed == [b"\xff\x7f\x00"]


async def test_a_finished_utterance_is_answered_with_the_history_before_it() -> None:
    async with a_call([Say("What shall I note?")]) as call:
        await greeted(call)
        say(call, "Take a note.")
        await call.until_clause("What shall I note?")
        call.play_marks()
        await settled(call)
        assert call.mind.asked[0].messages == (
            Message("assistant", "Hello."),
            Message("user", "Take a note."),
        )
        assert call.lines()[-1] == ("assistant", "What shall I note?", False)


async def test_speech_leaves_in_pieces_of_100_ms_or_more_with_a_mark_after_each() -> None:
    async with a_call(greeting="Hello, and good morning to you all.") as call:
        kinds = []
        for _ in range(4):
            message = await call.sent.get()
            kinds.append(message["event"])
        assert kinds == ["media", "mark", "media", "mark"]


async def test_the_callers_voice_stops_the_assistant_at_once() -> None:
    async with greeting_heard() as call:
        epoch = call.line.epoch
        call.speak_up()
        assert call.line.epoch == epoch + 1
        await call.until("clear")


async def test_a_voice_that_only_listens_does_not_stop_the_assistant() -> None:
    async with greeting_heard(ScriptedJudge(1.0)) as call:
        epoch = call.line.epoch
        call.speak_up()
        call.ears.hear(Final("Yeah.", 700, 1200))
        call.play_marks()
        await settled(call)
        assert call.line.epoch == epoch
        assert call.conversation.interruptions == 0
        assert ("assistant", GREETING, False) in call.lines()


async def test_a_voice_that_has_the_floor_anyway_is_not_judged() -> None:
    async with a_call(listening=(judge := ScriptedJudge(1.0))) as call:
        await greeted(call)
        call.speak_up()
        assert judge.judged == 0


async def test_words_that_ask_stop_the_assistant_although_the_voice_seemed_to_listen() -> None:
    async with greeting_heard(ScriptedJudge(1.0)) as call:
        call.speak_up()
        call.ears.hear(Interim("Stop", 700))
        await call.until("clear")


async def test_a_voice_that_asks_stops_the_assistant_at_once_where_it_is_judged() -> None:
    async with greeting_heard(ScriptedJudge(0.0)) as call:
        epoch = call.line.epoch
        call.speak_up()
        for _ in range(3):
            await asyncio.sleep(0)
        assert call.line.epoch == epoch + 1


async def test_audio_of_an_old_epoch_never_reaches_the_wire() -> None:
    async with a_call() as call:
        await greeted(call)
        epoch = call.line.epoch
        call.line.clear()
        await call.until("clear")
        call.line.begin_clause("late", epoch)
        call.line.play(b"\x10" * 8000, epoch)
        call.line.end_clause(epoch)
        await asyncio.sleep(0)
        assert call.sent.empty()


async def test_an_interrupted_line_holds_what_was_heard() -> None:
    async with a_call([Say("One two three four five six seven.")], [Say("Stopped.")]) as call:
        await interrupted_at_four(call)
        say(call, "Stop.", 2000)
        await call.until_clause("Stopped.")
        _, text, interrupted = next(line for line in call.lines()[::-1] if line[0] == "assistant")
        assert interrupted
        assert call.mind.asked[-1].messages[-2:] == (
            Message("assistant", text, interrupted=True),
            Message("user", "Stop."),
        )
        assert text in ("One two three four", "One two three four five")


async def test_marks_returned_by_clear_do_not_count_as_heard() -> None:
    async with a_call([Say("One two three four five six seven.")], greeting="Hello.") as call:
        await greeted(call)
        say(call, "Count.")
        await call.until_clause("One two three four five six seven.")
        call.speak_up()
        await call.until("clear")
        call.play_marks()
        assert all("seven" not in text for _, text, _ in call.lines())


async def test_a_reply_of_which_nothing_was_heard_is_not_in_the_history() -> None:
    async with a_call([Say("First answer."), SaveItem(NOTE)], [Say("Second answer.")]) as call:
        await greeted(call)
        call.voice.breath.clear()
        say(call, "Take a note")
        async with asyncio.timeout(5):
            while "First answer." not in call.voice.spoken:
                await asyncio.sleep(0)
        say(call, "buy milk.", 1000)
        call.voice.breath.set()
        await call.until_clause("Second answer.")
        assert call.mind.asked[1].messages[-1] == Message("user", "Take a note buy milk.")
        assert call.saved == []


async def test_an_answer_cut_before_it_was_heard_is_measured_and_does_not_date_the_next_line() -> None:
    async with a_call([Say("First answer.")], [Say("Second answer.")], [Say("Second answer.")]) as call:
        await greeted(call)
        say(call, "Take a note")
        await call.until_clause("First answer.")
        call.speak_up()
        await call.until("clear")
        assert len(call.conversation.latencies) == 1
        cleared_ms = call.line.now_ms()
        await asyncio.sleep(0.05)
        say(call, "buy milk.", 6000)
        await call.until_clause("Second answer.")
        call.play_marks()
        await settled(call)
        last = [line for line in call.connection.transcript.lines if line.speaker == "assistant"][-1]
        assert last.text == "Second answer."
        assert last.started_ms > cleared_ms


async def test_an_item_counts_once_its_reply_is_heard() -> None:
    async with a_call([Say("Noted."), SaveItem(NOTE)]) as call:
        await greeted(call)
        say(call, "Note: buy milk.")
        await call.until_clause("Noted.")
        call.play_marks()
        await settled(call)
        await asyncio.sleep(0)
        assert call.saved == [NOTE]


async def test_an_item_is_kept_when_the_caller_hangs_up_before_hearing_of_it() -> None:
    async with a_call([SaveItem(NOTE), Say("Noted.")]) as call:
        await greeted(call)
        call.voice.breath.clear()
        say(call, "Note: buy milk.")
        async with asyncio.timeout(5):
            while "Noted." not in call.voice.spoken:
                await asyncio.sleep(0)
        call.task.cancel()
        await asyncio.wait([call.task])
        assert call.saved == [NOTE]


async def test_an_item_is_not_kept_where_only_a_filler_before_its_reply_was_heard() -> None:
    async with a_call([SaveItem(NOTE), Say("Noted: buy milk.")], [Say("All right.")]) as call:
        await greeted(call)
        call.voice.stuck_at = "Noted: buy milk."
        say(call, "Note buy milk")
        await call.until_clause(FILLERS[0])
        call.voice.unstuck.set()
        await call.until("mark")
        await asyncio.sleep(0.25)
        assert call.line.heard() == "One moment,"
        call.ears.hear(SpeechStarted(5200), Final("no stop that is wrong", 5200, 6000))
        await call.until("clear")
        await call.until_clause("All right.")
        assert call.saved == []
        assert call.mind.asked[-1].messages[-1] == Message("user", "Note buy milk no stop that is wrong")


async def test_a_cough_resumes_where_the_assistant_was_cut() -> None:
    async with a_call([Say("One two three four five six seven. "), Say("Eight nine.")]) as call:
        await interrupted_at_four(call, last="Eight nine.")
        call.ears.hear(SpeechStarted(5700), Interim("uh", 5700), SpeechEnded(6200), Final("", 5700, 6200))
        await call.until("media")
        rest = call.voice.spoken[3]
        assert rest.endswith("six seven.")
        assert not rest.startswith("One")
        async with asyncio.timeout(5):
            while call.voice.spoken[-1] != "Eight nine." or call.line.unheard() == "":
                await asyncio.sleep(0)
        await call.until("mark")
        call.play_marks()
        await settled(call)
        said = [(text, interrupted) for speaker, text, interrupted in call.lines() if speaker == "assistant"]
        assert said == [("Hello.", False), ("One two three four five six seven. Eight nine.", False)]


async def test_a_cough_while_the_next_clause_is_being_made_does_not_cost_it() -> None:
    clauses = ("One two three four five six seven.", "Eight nine ten.", "Eleven twelve.")
    async with a_call([Say(" ".join(clauses))]) as call:
        call.voice.stuck_at = clauses[1]
        await interrupted_at_four(call, last=clauses[0])
        call.ears.hear(SpeechStarted(5700), SpeechEnded(6200), Final("", 5700, 6200))
        await call.until_clause(clauses[2])
        call.play_marks()
        await settled(call)
        assert call.lines()[-1] == ("assistant", " ".join(clauses), False)


async def test_of_a_clause_that_breaks_off_only_what_was_spoken_is_heard() -> None:
    text = "One two three four five six seven eight nine ten."
    async with a_call([Say(text)]) as call:
        await greeted(call)
        call.voice.breaks_off_at = text
        say(call, "Count.")
        await call.until_clause(text)
        call.play_marks()
        await settled(call)
        heard = call.lines()[-1][1]
        assert text.startswith(heard)
        assert "three" in heard
        assert "eight" not in heard


async def test_a_cough_after_the_last_word_of_a_question_leaves_it_asked() -> None:
    question = "What is your number?"
    async with a_call([Say(question)], [Say("Thank you.")]) as call:
        await greeted(call)
        say(call, "Call me back.")
        await call.until_clause(question)
        await asyncio.sleep(0.4)
        call.speak_up()
        await call.until("clear")
        call.ears.hear(SpeechStarted(5700), SpeechEnded(6200), Final("", 5700, 6200))
        await asyncio.wait_for(call.conversation.between_turns(), 5)
        call.pass_time(2)
        call.ears.hear(SpeechStarted(7000), SpeechEnded(8000), Final("four one five", 7000, 8000))
        with pytest.raises(TimeoutError):
            # Anywhere else it would be answered by now.
            await asyncio.wait_for(call.until("media"), 1.1)


async def test_a_cough_while_the_model_is_still_at_its_answer_does_not_cost_the_rest_of_it() -> None:
    counting = Say("One two three four five six seven. ")
    async with a_call([counting, None], [Say("Eight nine ten.")]) as call:
        await interrupted_at_four(call)
        call.ears.hear(SpeechStarted(5700), SpeechEnded(6200), Final("", 5700, 6200))
        await call.until_clause("Eight nine ten.")
        call.play_marks()
        await settled(call)
        assert call.mind.asked[-1].messages[-2:] == (
            Message("assistant", "One two three four five six seven."),
            Message("user", "Go on."),
        )
        assert call.lines()[-1] == ("assistant", "One two three four five six seven. Eight nine ten.", False)


async def test_a_mind_that_takes_the_words_for_a_sound_goes_on_with_what_was_cut() -> None:
    async with a_call([Say("One two three four five six seven. "), Say("Eight nine.")], [GoOn()]) as call:
        await interrupted_at_four(call, last="Eight nine.")
        call.voice.spoken.clear()
        say(call, "Mama.", 2000)
        await call.until_clause("Eight nine.")
        call.play_marks()
        await settled(call)
        _, (before, cut), (after, whole) = [said for speaker, *said in call.lines() if speaker == "assistant"]
        assert f"{before} {after}" == "One two three four five six seven. Eight nine."
        assert (cut, whole) == (True, False)


async def test_a_mind_that_goes_on_where_nothing_is_left_asks() -> None:
    async with a_call([GoOn()]) as call:
        await greeted(call)
        say(call, "Mama.")
        await call.until_clause(NOTHING_LEFT)


async def test_what_was_cut_is_gone_on_with_once() -> None:
    async with a_call([Say("One two three four five six seven.")], [GoOn()], [GoOn()]) as call:
        await interrupted_at_four(call)
        say(call, "Mama.", 2000)
        await call.until("mark")
        call.play_marks()
        await settled(call)
        say(call, "Mama.", 9000)
        await call.until_clause(NOTHING_LEFT)


async def test_a_call_that_ends_before_a_cut_line_goes_on_keeps_what_was_heard_of_it() -> None:
    async with a_call([Say("One two three four five six seven.")]) as call:
        await interrupted_at_four(call)
        call.task.cancel()
        await asyncio.wait([call.task])
        (text,) = [text for speaker, text, interrupted in call.lines() if interrupted]
        assert text.startswith("One two three")


async def test_a_cough_during_the_goodbye_does_not_keep_the_call_open() -> None:
    async with a_call([Say("Goodbye and have a nice day."), HangUp()]) as call:
        await greeted(call)
        say(call, "Bye.")
        await call.until_clause("Goodbye and have a nice day.")
        await asyncio.sleep(0.2)
        call.speak_up()
        call.ears.hear(SpeechStarted(5700), SpeechEnded(6200), Final("", 5700, 6200))
        async with asyncio.timeout(5):
            assert await call.task == "agent_hung_up"


async def test_a_cough_leaves_no_line() -> None:
    async with a_call([Say("Yes?")]) as call:
        await greeted(call)
        seen: list[TranscriptLine] = []
        call.connection.on("transcript", seen.append)
        call.ears.hear(SpeechStarted(0), Interim("uh", 0), SpeechEnded(300), Final("", 0, 300))
        say(call, "Hi.", 5000)
        await call.until_clause("Yes?")
        assert [line.text for line in seen if line.speaker == "user"] == ["uh", "", "Hi."]
        assert call.connection.transcript.lines[-1].started_ms == 5000


async def test_what_is_said_last_is_heard_to_its_end_when_the_caller_hangs_up() -> None:
    async with a_call() as call:
        await greeted(call)
        call.ears.hear(SpeechStarted(0))
        call.ears.when_finished = [SpeechEnded(900), Final("Call me back.", 0, 900)]
        call.conversation.leave()
        async with asyncio.timeout(5):
            assert await call.task is None
        assert call.lines()[-1] == ("user", "Call me back.", False)
        assert call.mind.asked == []


async def test_words_that_never_become_final_are_kept_as_they_were_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.conversation.conversation.LAST_WORDS_SECONDS", 0.05)
    async with a_call() as call:
        await greeted(call)
        call.ears.stubborn = True
        call.ears.hear(SpeechStarted(0), Interim("call me", 0))
        async with asyncio.timeout(5):
            while call.connection.transcript.open_line("user") is None:
                await asyncio.sleep(0)
            call.conversation.leave()
            await call.task
        assert call.lines()[-1] == ("user", "call me", False)


@pytest.mark.parametrize(("deed", "ending"), [(HangUp(), "agent_hung_up"), (Transfer(), "transferred")])
async def test_the_call_ends_when_the_last_words_have_been_heard(
    deed: HangUp | Transfer, ending: str
) -> None:
    async with a_call([Say("Goodbye."), deed]) as call:
        await greeted(call)
        say(call, "Bye.")
        await call.until_clause("Goodbye.")
        assert not call.task.done()
        call.play_marks()
        async with asyncio.timeout(5):
            assert await call.task == ending
        assert call.lines()[-1] == ("assistant", "Goodbye.", False)
        assert call.ears.open_streams == 0


async def test_the_call_ends_although_the_last_mark_is_lost() -> None:
    async with a_call([Say("Goodbye."), HangUp()]) as call:
        await greeted(call)
        say(call, "Bye.")
        async with asyncio.timeout(5):
            assert await call.task == "agent_hung_up"


async def test_interims_are_shown_and_not_kept() -> None:
    async with a_call([Say("Yes?")]) as call:
        await greeted(call)
        seen: list[TranscriptLine] = []
        call.connection.on("transcript", seen.append)
        call.ears.hear(SpeechStarted(0), Interim("take", 0), Interim("take a", 0))
        say(call, "Take a note.")
        await call.until_clause("Yes?")
        assert [line.text for line in seen if line.speaker == "user" and not line.is_final] == [
            "take",
            "take a",
        ]
        assert ("user", "Take a note.", False) in call.lines()
        assert len({line.seq for line in seen if line.speaker == "user"}) == 1


async def test_a_mind_that_fails_is_apologised_for_and_the_call_goes_on() -> None:
    async with a_call() as call:
        await greeted(call)
        say(call, "Break.")  # the mind has no reply: it raises
        await call.until("media")
        assert split(APOLOGY)[0] in call.voice.spoken
        assert not call.task.done()


async def test_every_turn_has_its_latencies() -> None:
    async with a_call([Say("Yes?")]) as call:
        await greeted(call)
        say(call, "Hi.")
        await call.until_clause("Yes?")
        call.play_marks()
        await settled(call)
        stages = call.conversation.latencies[0]
        assert next(iter(stages)) == "voice_to_voice"
        assert set(stages) == {
            "voice_to_voice",
            "decision",
            "final",
            "first_token",
            "first_audio",
            "first_frame",
            "first_mark",
        }
