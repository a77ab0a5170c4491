"""How a conversation does what the turns decide: in advance, held back, thrown away, filled, asked."""

from __future__ import annotations

import asyncio

import pytest

from app.conversation.decisions import Timing
from app.conversation.opening import AnsweredBy, Opening
from app.conversation.phrases import CONNECTING, DEAFENED, NOBODY, PROMPTS
from app.conversation.speaking import FILLERS, VOICELESS
from app.services.language_model import HangUp, Item, Message, SaveItem, Say
from app.services.language_model.clauses import split
from app.services.speech_to_text import Deafened, Final, Interim, SpeechEnded, SpeechStarted
from tests.conversation.engines import Call, a_call
from tests.conversation.test_conversation import greeted, say, settled

NOTE = Item("1" * 32, "note", "buy milk")
LONG_WORD = "Pneumonoultramicroscopicsilicovolcanoconiosis"
"""Takes 0.9 s: for so long nothing of what begins with it has been heard."""


async def asked(call: Call, times: int) -> None:
    async with asyncio.timeout(5):
        while len(call.mind.asked) < times:
            await asyncio.sleep(0)


async def heard(call: Call) -> None:
    """The recogniser's events have been taken."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_answer_begins_on_a_stable_guess_and_is_heard_once_the_turn_is_over() -> None:
    async with a_call([Say("It is nine.")]) as call:
        await greeted(call)
        call.pass_time(0.5)
        call.ears.hear(SpeechStarted(0), SpeechEnded(300), Interim("remind me to call", 0, stable=True))
        await asked(call, 1)
        assert call.mind.asked[0].messages[-1] == Message("user", "remind me to call")
        async with asyncio.timeout(5):
            while "It is nine." not in call.voice.spoken:
                await asyncio.sleep(0)
        assert call.line.remaining_seconds() == 0


async def test_nothing_of_an_answer_thrown_away_is_heard_or_kept() -> None:
    async with a_call([SaveItem(NOTE), Say("Noted: buy.")], [Say("Noted: buy milk.")]) as call:
        await greeted(call)
        call.ears.hear(
            SpeechStarted(0), SpeechEnded(300), Interim("please note that I have to", 0, stable=True)
        )
        await asked(call, 1)
        call.ears.hear(SpeechStarted(600))
        say(call, "Please note that I have to buy milk.")
        await call.until_clause("Noted: buy milk.")
        call.play_marks()
        await settled(call)
        assert [text for _, text, _ in call.lines()] == [
            "Hello.",
            "Please note that I have to buy milk.",
            "Noted: buy milk.",
        ]
        assert call.saved == []


async def test_a_caller_who_goes_on_after_a_heard_beginning_gets_a_line_of_their_own_for_it() -> None:
    async with a_call([Say("One two three four five six seven.")], [Say("At three.")]) as call:
        await greeted(call)
        call.pass_time(5)
        call.ears.hear(SpeechStarted(0), SpeechEnded(300), Interim("call Anna", 0, stable=True))
        await call.until_clause("One two three four five six seven.")
        await asyncio.sleep(0.3)
        call.speak_up()
        call.pass_time(5)
        call.ears.hear(SpeechEnded(5900), Final("Call Anna tomorrow at three.", 0, 5900))
        await call.until_clause("At three.")
        lines = sorted(call.connection.transcript.lines, key=lambda line: line.seq)
        assert lines[3].started_ms >= lines[1].ended_ms
        speakers = [line.speaker for line in lines]
        assert speakers == ["assistant", "user", "assistant", "user"]
        assert call.mind.asked[1].messages[-1] == Message("user", "tomorrow at three.")


async def test_the_late_final_of_an_answered_turn_changes_its_line_and_nothing_else() -> None:
    async with a_call([Say("It is nine.")]) as call:
        await greeted(call)
        call.pass_time(5)
        call.ears.hear(SpeechStarted(0), SpeechEnded(300), Interim("what time is it", 0, stable=True))
        await call.until_clause("It is nine.")
        call.ears.hear(Final("What time is it?", 0, 300))
        await heard(call)
        call.play_marks()
        await settled(call)
        assert call.lines()[1:] == [("user", "What time is it?", False), ("assistant", "It is nine.", False)]
        assert len(call.mind.asked) == 1


async def test_our_own_words_coming_back_are_nobodys() -> None:
    greeting = "Hello, I can keep notes and reminders for you."
    async with a_call(greeting=greeting) as call:
        await call.until_clause(greeting)
        await asyncio.sleep(0.3)
        call.ears.hear(SpeechStarted(50), Interim("keep notes and reminders", 50))
        call.ears.hear(SpeechEnded(500), Final("I can keep notes and reminders for you.", 50, 500))
        await heard(call)
        call.play_marks()
        await settled(call)
        assert call.lines() == [("assistant", greeting, False)]
        assert call.conversation.interruptions == 0


async def test_a_back_channel_is_written_down_and_does_not_stop_the_assistant() -> None:
    async with a_call([Say("One two three four five six seven.")]) as call:
        await greeted(call)
        say(call, "Count.")
        await call.until_clause("One two three four five six seven.")
        call.ears.hear(SpeechStarted(5000), SpeechEnded(5300), Final("Mm-hm.", 5000, 5300))
        await heard(call)
        call.play_marks()
        await settled(call)
        assert ("user", "Mm-hm.", False) in call.lines()
        assert call.lines()[-1] == ("assistant", "One two three four five six seven.", False)
        assert call.conversation.interruptions == 0


async def test_a_slow_answer_is_announced() -> None:
    async with a_call([Say("It is nine.")]) as call:
        await greeted(call)
        call.voice.breath.clear()
        say(call, "What time is it?")
        await asked(call, 1)
        async with asyncio.timeout(5):
            while call.voice.spoken[-1] != FILLERS[0]:
                await asyncio.sleep(0.01)


async def test_when_more_is_said_to_a_filler_what_was_answered_before_is_not_answered_again() -> None:
    async with a_call([Say("It is nine.")], [None], [Say("Sunny.")]) as call:
        await greeted(call)
        say(call, "What time is it?")
        await call.until_clause("It is nine.")
        call.play_marks()
        await settled(call)
        call.pass_time(5)
        call.ears.hear(SpeechStarted(5200), SpeechEnded(9000), Interim("and the weather", 5200, stable=True))
        await call.until_clause(FILLERS[0])
        await asyncio.sleep(0.25)
        call.ears.hear(Final("and the weather today", 5200, 9000))
        await call.until_clause("Sunny.")
        assert call.mind.asked[-1].messages[-1] == Message("user", "and the weather today")


async def test_somebody_who_listens_to_a_filler_waits_for_the_answer() -> None:
    async with a_call([Say("It is nine.")]) as call:
        await greeted(call)
        call.voice.stuck_at = "It is nine."
        say(call, "What time is it?")
        await call.until_clause(FILLERS[0])
        call.ears.hear(Interim("okay", 5200, stable=True), Final("okay", 5200, 5400))
        await heard(call)
        call.voice.unstuck.set()
        await call.until_clause("It is nine.")
        assert len(call.mind.asked) == 1
        assert call.conversation.interruptions == 0


async def test_nothing_is_announced_once_all_has_been_said() -> None:
    async with a_call([Say("Goodbye then."), HangUp()]) as call:
        await greeted(call)
        say(call, "Goodbye.")
        # No mark comes back, and that is waited for.
        async with asyncio.timeout(5):
            assert await call.task == "agent_hung_up"
        assert call.voice.spoken == ["Hello.", "Goodbye then."]


async def test_somebody_who_keys_in_is_not_asked_whether_they_are_there() -> None:
    async with a_call([Say("Thank you.")], timing=Timing(prompt=0.2)) as call:
        await greeted(call)
        for key in "123456":
            call.pass_time(0.1)
            call.press(key)
            await asyncio.sleep(0.1)
        assert call.voice.spoken == ["Hello."]
        call.press("#")
        await call.until_clause("Thank you.")


async def test_what_was_said_before_the_keys_is_answered_with_them() -> None:
    async with a_call([Say("All right.")], [Say("Thank you.")]) as call:
        await greeted(call)
        call.press("4")
        say(call, "My number is this.")
        await asked(call, 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.until("media"), 1.2)
        call.press("7", "#")
        await call.until_clause("Thank you.")
        assert "(keys: 47)" in call.mind.asked[-1].messages[-1].text
        assert "My number is this." in call.mind.asked[-1].messages[-1].text


async def test_keys_are_answered_as_words() -> None:
    async with a_call([Say("Thank you.")]) as call:
        await greeted(call)
        call.press("4", "7", "#")
        await call.until_clause("Thank you.")
        assert call.mind.asked[0].messages[-1] == Message("user", "(keys: 47)")
        assert call.lines()[-1] == ("user", "(keys: 47)", False)


async def test_the_key_0_asks_for_a_person() -> None:
    async with a_call() as call:
        await greeted(call)
        call.press("0")
        await call.until_clause(CONNECTING)
        call.play_marks()
        async with asyncio.timeout(5):
            assert await call.task == "transferred"


async def test_the_key_0_is_the_answer_to_what_was_said_before_it() -> None:
    async with a_call([Say("An answer.")]) as call:
        await greeted(call)
        call.pass_time(0.3)
        call.ears.hear(
            SpeechStarted(0), SpeechEnded(200), Interim("somebody else please and", 0, stable=True)
        )
        await asked(call, 1)
        call.press("0")
        await call.until_clause(CONNECTING)
        call.pass_time(2)
        call.play_marks()
        async with asyncio.timeout(5):
            assert await call.task == "transferred"
        assert len(call.mind.asked) == 1


async def test_keys_are_kept_although_the_caller_hangs_up_before_their_end() -> None:
    async with a_call() as call:
        await greeted(call)
        call.press("4", "7")
        call.conversation.leave()
        async with asyncio.timeout(5):
            await call.task
        assert call.lines()[-1] == ("user", "(keys: 47)", False)


async def test_an_okay_at_the_end_of_what_announces_a_transfer_does_not_cost_it() -> None:
    async with a_call([Say("Anything else?")]) as call:
        await greeted(call)
        call.press("0")
        await call.until_clause(CONNECTING)
        await asyncio.sleep(0.3)
        call.speak_up()
        await call.until("clear")
        call.pass_time(0.7)
        call.ears.hear(SpeechStarted(300), SpeechEnded(900), Final("okay", 300, 900))
        async with asyncio.timeout(5):
            while not call.task.done():
                call.play_marks()
                await asyncio.sleep(0.01)
        assert await call.task == "transferred"


async def test_keys_before_the_greeting_and_after_the_end_are_nobodys() -> None:
    verdict: asyncio.Future[AnsweredBy] = asyncio.get_running_loop().create_future()
    async with a_call(opening=Opening("Hello.", verdict=verdict)) as call:
        call.press("0")
        verdict.set_result("human")
        await greeted(call)
        assert call.voice.spoken == ["Hello."]
        call.conversation.leave()
        await call.task
        call.press("0", "1", "#")


async def misheard(call: Call, seconds: float) -> None:
    """The answer to "that's all the" is being heard for so long when the recogniser tells what was said."""
    await greeted(call)
    call.pass_time(5)
    call.ears.hear(SpeechStarted(0), SpeechEnded(4900), Interim("that's all the", 3000, stable=True))
    await call.until_clause(f"{LONG_WORD} {LONG_WORD} {LONG_WORD}.")
    await asyncio.sleep(seconds)
    call.ears.hear(Final("That's all, goodbye.", 3000, 4900))


async def test_a_young_answer_to_misheard_words_is_broken_off_and_given_anew() -> None:
    wrong = Say(f"{LONG_WORD} {LONG_WORD} {LONG_WORD}.")
    async with a_call([wrong], [Say("Goodbye.")]) as call:
        await misheard(call, 0.3)
        await call.until_clause("Goodbye.")
        assert call.mind.asked[1].messages[-1] == Message("user", "That's all, goodbye.")


async def test_an_answer_to_misheard_words_that_has_been_heard_for_long_goes_on() -> None:
    wrong = Say(f"{LONG_WORD} {LONG_WORD} {LONG_WORD}.")
    async with a_call([wrong]) as call:
        await misheard(call, 2.1)
        await heard(call)
        assert len(call.mind.asked) == 1
        assert call.line.unheard()


async def test_more_of_a_number_that_is_told_as_the_answer_begins_is_answered() -> None:
    question, number = "What is your phone number?", "five five five one two three four"
    wrong = f"{LONG_WORD}. And on and on."
    async with a_call([Say(wrong)], [Say("Thank you.")], greeting=question) as call:
        await call.until_clause(question)
        call.play_marks()
        await settled(call)
        while not call.sent.empty():
            call.sent.get_nowait()
        call.pass_time(5)
        call.ears.hear(SpeechStarted(3000), SpeechEnded(4900), Interim(number, 3000, stable=True))
        await call.until_clause(split(wrong)[0])
        # Within what is still our breath, and a while after the caller's: "clear" would end no other turn.
        await asyncio.sleep(0.12)
        call.ears.hear(Final(f"{number} five six", 3000, 5500))
        await call.until("clear")
        await call.until_clause("Thank you.")
        assert call.mind.asked[-1].messages[-1] == Message("user", f"{number} five six")


async def test_a_voice_without_new_words_is_taken_for_noise_later_the_longer_its_result_is() -> None:
    loop = asyncio.get_running_loop()
    async with a_call([Say("It is nine.")], timing=Timing(promised_end=0.1, promised_share=0.2)) as call:
        await greeted(call)
        call.pass_time(5)
        told = loop.time()
        call.ears.hear(SpeechStarted(0, words_follow=True), Interim("what time is it", 0))
        await asked(call, 1)
        assert loop.time() - told >= 1.0


async def test_a_silent_caller_is_asked_and_then_left() -> None:
    timing = Timing(prompt=0.1)
    async with a_call(timing=timing) as call:
        for text in ("Hello.", *PROMPTS, NOBODY):
            call.pass_time(0.02)
            await call.until_clause(split(text)[-1])
            call.play_marks()
        async with asyncio.timeout(5):
            assert await call.task == "agent_hung_up"


async def test_a_line_that_brings_nothing_at_all_is_not_asked() -> None:
    async with a_call(timing=Timing(prompt=0.05)) as call:
        await greeted(call)
        await asyncio.sleep(0.3)
        assert call.voice.spoken == ["Hello."]


async def test_a_machine_gets_the_message_once_and_is_not_talked_with() -> None:
    verdict: asyncio.Future[AnsweredBy] = asyncio.get_running_loop().create_future()
    opening = Opening("Hello.", message="Please call back.", verdict=verdict)
    async with a_call(opening=opening) as call:
        say(call, "You have reached the mailbox of Anna. Speak after the tone.")
        await heard(call)
        assert call.voice.spoken == []
        verdict.set_result("machine_end_beep")
        await call.until_clause("Please call back.")
        call.play_marks()
        async with asyncio.timeout(5):
            assert await call.task == "agent_hung_up"
        assert call.mind.asked == []


@pytest.mark.parametrize(
    ("answered_by", "saved", "last"),
    [("machine_end_beep", [], "Please call back."), ("human", [NOTE], "Noted, goodbye.")],
)
async def test_a_long_announcement_leaves_no_note_and_gets_the_message_although_it_says_goodbye(
    answered_by: AnsweredBy, saved: list[Item], last: str
) -> None:
    verdict: asyncio.Future[AnsweredBy] = asyncio.get_running_loop().create_future()
    opening = Opening("Hello.", message="Please call back.", verdict=verdict, patience=0.01)
    async with a_call([SaveItem(NOTE), Say("Noted, goodbye."), HangUp()], opening=opening) as call:
        await greeted(call)
        say(call, "Leave a message after the tone. Thanks, bye.")
        await call.until_clause("Noted, goodbye.")
        call.play_marks()
        await settled(call)
        assert not call.task.done()
        verdict.set_result(answered_by)
        async with asyncio.timeout(5):
            while not call.task.done():
                call.play_marks()
                await asyncio.sleep(0.01)
        assert await call.task == "agent_hung_up"
        assert call.saved == saved
        assert call.voice.spoken[-1] == last


async def test_a_person_who_hangs_up_before_the_verdict_is_not_waited_for() -> None:
    verdict: asyncio.Future[AnsweredBy] = asyncio.get_running_loop().create_future()
    opening = Opening("Hello.", verdict=verdict, patience=0.01)
    async with a_call([Say("Goodbye."), HangUp()], opening=opening) as call:
        await greeted(call)
        say(call, "Thanks, bye.")
        await call.until_clause("Goodbye.")
        call.play_marks()
        await settled(call)
        call.conversation.leave()
        async with asyncio.timeout(5):
            await call.task


async def test_a_note_is_kept_where_it_never_turns_out_who_has_spoken() -> None:
    verdict: asyncio.Future[AnsweredBy] = asyncio.get_running_loop().create_future()
    opening = Opening("Hello.", message="Please call back.", verdict=verdict, patience=0.01)
    async with a_call([SaveItem(NOTE), Say("Noted: buy milk.")], opening=opening) as call:
        await greeted(call)
        say(call, "Note buy milk")
        await call.until_clause("Noted: buy milk.")
        call.play_marks()
        await settled(call)
        call.conversation.leave()
        async with asyncio.timeout(5):
            await call.task
        assert call.saved == [NOTE]


async def test_an_answer_of_which_only_a_breath_was_sent_is_still_owed() -> None:
    async with a_call([Say(f"{LONG_WORD}.")], [Say(f"Again: {LONG_WORD}.")]) as call:
        await greeted(call)
        say(call, "Say something long.")
        await call.until_clause(f"{LONG_WORD}.")
        call.speak_up()
        call.pass_time(5)
        call.ears.hear(SpeechEnded(9000), Final("", 8500, 9000))
        await call.until_clause(f"Again: {LONG_WORD}.")
        assert call.mind.asked[1].messages[-1] == Message("user", "Say something long.")


async def test_words_said_before_our_own_reading_of_them_are_no_echo() -> None:
    dictated = "Buy two pounds of apples and a bag of flour."
    async with a_call([Say(f"I've noted: {dictated}")]) as call:
        await greeted(call)
        call.pass_time(8)
        call.ears.hear(SpeechStarted(2000), SpeechEnded(6000), Interim(dictated, 2000, stable=True))
        await call.until_clause(f"I've noted: {dictated}")
        call.ears.hear(Final(dictated, 2000, 6000))
        await heard(call)
        call.play_marks()
        await settled(call)
        assert ("user", dictated, False) in call.lines()


async def test_a_caller_who_goes_on_before_the_answer_is_heard_has_one_line() -> None:
    async with a_call([Say("All right.")], [Say("Goodbye.")]) as call:
        await greeted(call)
        call.pass_time(5)
        call.ears.hear(SpeechStarted(0), SpeechEnded(300), Interim("that's all", 0, stable=True))
        await call.until_clause("All right.")
        call.ears.hear(Final("That's all, goodbye.", 0, 800))
        await call.until_clause("Goodbye.")
        assert call.lines()[1:] == [("user", "That's all, goodbye.", False)]
        assert call.mind.asked[1].messages[-1] == Message("user", "That's all, goodbye.")


async def test_a_lost_voice_is_apologised_for_with_what_was_made_ahead() -> None:
    async with a_call([Say("It is nine. It is late.")]) as call:
        await greeted(call)
        call.voice.lost = True
        say(call, "What time is it?")
        await call.until_clause(VOICELESS[-1])
        assert call.voice.spoken[1:] == list(VOICELESS)


async def test_nobody_is_asked_again_by_a_lost_voice_where_the_call_ends() -> None:
    async with a_call([HangUp(), Say("Goodbye.")]) as call:
        await greeted(call)
        call.voice.lost = True
        say(call, "That's all, goodbye.")
        async with asyncio.timeout(5):
            assert await call.task == "agent_hung_up"
        assert call.voice.spoken == ["Hello."]


async def test_a_caller_whom_nobody_hears_is_told() -> None:
    async with a_call() as call:
        await greeted(call)
        call.ears.hear(Deafened())
        await call.until_clause(split(DEAFENED)[-1])


async def test_a_caller_whom_nobody_hears_is_not_taken_for_gone() -> None:
    async with a_call(timing=Timing(prompt=0.1)) as call:
        await greeted(call)
        call.ears.hear(Deafened())
        async with asyncio.timeout(10):
            while call.voice.spoken.count(split(DEAFENED)[-1]) < 4:
                call.pass_time(0.02)
                call.play_marks()
                await asyncio.sleep(0.02)
        assert not call.task.done()
        assert not set(call.voice.spoken).intersection(PROMPTS)
