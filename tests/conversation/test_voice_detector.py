from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.conversation.voice_detector import VoiceDetector, VoiceEnded, VoiceStarted
from app.conversation.voice_thresholds import JUDGED, NUMBERS, Thresholds
from app.simulator.sounds import noise as loop
from app.simulator.sounds import sound
from tests.conversation.sounds import (
    Heard,
    Sound,
    agent_speaks,
    at_level,
    click,
    cough,
    decoded,
    echo,
    encoded,
    listen,
    mm_hm,
    noise,
    recording,
    silence,
    starts,
    together,
    tones,
)

AGENT = np.concatenate([recording("jfk"), recording("jfk")])[:48000]
"""Six seconds."""
FIRST_SOUNDS = {"ps_cards5": 0.2, "lv_0880": 0.26, "an4_yes": 0.34}
"""Where the recordings begin to be heard."""


def while_the_agent_speaks(line: Sound, numbers: Thresholds = NUMBERS) -> Heard:
    """What is told of a line on which the agent is audible from the beginning."""
    detector = VoiceDetector(numbers)
    agent_speaks(detector, AGENT, 0.0)
    return listen(detector, line)


@pytest.mark.parametrize("name", FIRST_SOUNDS)
@pytest.mark.parametrize("db", [-16, -32])
def test_a_voice_over_the_agents_is_told_within_250_ms(name: str, db: float) -> None:
    [first, *_] = starts(while_the_agent_speaks(together((1.0, recording(name, db)))))
    assert 1.0 < first < 1.0 + FIRST_SOUNDS[name] + 0.25


def test_a_voice_is_said_to_have_begun_where_it_began() -> None:
    heard = while_the_agent_speaks(together((1.0, recording("ps_cards5"))))
    event, now = heard[0]
    assert isinstance(event, VoiceStarted)
    assert event.at < now
    assert event.at == pytest.approx(1.0 + FIRST_SOUNDS["ps_cards5"], abs=0.1)


@pytest.mark.parametrize(
    "background", [noise(4, -38), noise(4, -38, 1), noise(4, -38, 2), tones(4, -36, 50, 100, 150)]
)
def test_a_voice_is_told_in_steady_noise_and_the_noise_is_not(background: Sound) -> None:
    line = together((0.0, background), (2.0, recording("ps_cards5", -26)))
    [first, *_] = starts(while_the_agent_speaks(line))
    assert 2.0 < first < 2.0 + FIRST_SOUNDS["ps_cards5"] + 0.25


NOT_A_VOICE = {
    "a click": click(-14),
    "typing": np.concatenate([np.concatenate([click(-20), silence(0.11)]) for _ in range(12)]),
    "a cough": cough(-16),
    "two coughs": np.concatenate([cough(-20, 2), silence(0.15), cough(-18, 3)]),
    "an mm-hm with a breath in it": decoded(sound("mm-hm")),
    "coughs with a voice at their end": decoded(sound("cough")),
    "a breath": noise(0.6, -34, 0.5) * np.sin(np.linspace(0, np.pi, 4800)),
    "white noise": noise(2, -24),
    "pink noise": noise(2, -24, 1),
    "brown noise": noise(2, -24, 2),
    "mains hum": tones(2, -24, 50, 100, 150, 250),
    "keys": np.concatenate([tones(0.12, -14, 770, 1336), silence(0.08), tones(0.12, -14, 852, 1209)]),
    "ringing": tones(1, -20, 440, 480),
    "music on hold": np.concatenate([tones(0.3, -20, f, 2 * f, 3 * f) for f in (262, 330, 392, 523)]),
    "a man's mm-hm": mm_hm(-22, 110),
    "a woman's mm-hm": mm_hm(-22, 210),
    "a crowd": np.sum([np.resize(np.roll(AGENT, 5000 * n), 24000) for n in range(1, 9)], axis=0) * 0.02,
}


@pytest.mark.parametrize("name", NOT_A_VOICE)
def test_what_is_not_a_voice_does_not_stop_the_agent(name: str) -> None:
    begins = 0.0 if name == "a crowd" else 1.0
    assert starts(while_the_agent_speaks(together((begins, NOT_A_VOICE[name])))) == []


@pytest.mark.parametrize("name", [name for name in NOT_A_VOICE if "mm-hm" not in name])
def test_what_is_not_a_voice_is_not_even_judged(name: str) -> None:
    begins = 0.0 if name == "a crowd" else 1.0
    assert starts(while_the_agent_speaks(together((begins, NOT_A_VOICE[name])), JUDGED)) == []


@pytest.mark.parametrize("name", [name for name in NOT_A_VOICE if "mm-hm" in name])
def test_where_a_judge_has_the_last_word_a_hum_is_told_as_early_as_a_voice(name: str) -> None:
    [first, *_] = starts(while_the_agent_speaks(together((1.0, NOT_A_VOICE[name])), JUDGED))
    assert first < 1.25


@pytest.mark.parametrize("hisses", [0.06, 0.2])
def test_where_a_judge_has_the_last_word_a_consonant_counts_for_a_vowel_that_sounds_like_a_tone(
    hisses: float,
) -> None:
    vowel = tones(0.4, -20, 240, 480)
    line = together((1.0, np.concatenate([noise(hisses, -34), vowel])))
    assert starts(while_the_agent_speaks(line)) == []
    [first, *_] = starts(while_the_agent_speaks(line, JUDGED))
    assert first < 1.0 + hisses + 0.1
    assert starts(while_the_agent_speaks(together((1.0, vowel)), JUDGED)) == []


@pytest.mark.parametrize(("begins", "db"), [(8000, -38), (4000, -38), (44000, -26)])
def test_a_street_that_grows_louder_as_cars_pass_is_no_voice(begins: int, db: float) -> None:
    street = np.roll(decoded(loop("street")), -begins)[:40000]
    assert starts(while_the_agent_speaks(together((0.0, at_level(street, db))))) == []


def test_a_voice_stirs_before_it_is_told_and_silence_does_not() -> None:
    detector = VoiceDetector()
    line = encoded(together((1.0, recording("ps_cards5"))))
    stirs = []
    for begin in range(0, len(line), 160):
        now = (begin + 160) / 8000
        if any(isinstance(event, VoiceStarted) for event in detector.hear(line[begin : begin + 160], now)):
            break
        stirs += [now] if detector.stirs else []
    assert stirs
    assert 1.0 < stirs[0] < now - 0.03


def test_a_hum_that_goes_on_is_an_interruption() -> None:
    hum = mm_hm(-22, 110, pulse=1.0, wavers=0.15)
    [first] = starts(while_the_agent_speaks(together((1.0, hum))))
    assert 1.6 < first < 2.2


def test_a_hum_after_a_consonant_is_a_word() -> None:
    line = together((1.0, noise(0.06, -34)), (1.06, mm_hm(-22, 110)))
    [first] = starts(while_the_agent_speaks(line))
    assert first < 1.3


def test_a_vowel_of_two_harmonics_is_told_from_two_tones_by_its_pitch() -> None:
    at = np.arange(3200) / 8000
    for rises, is_voice in ((0.25, True), (0.0, False)):
        phase = 2 * np.pi * 240 * (at + rises * at**2)
        vowel = at_level(np.sin(phase) + 0.5 * np.sin(2 * phase), -20)
        line = together((1.0, np.concatenate([noise(0.06, -34), vowel])))
        assert bool(starts(while_the_agent_speaks(line))) is is_voice


def test_a_hum_is_an_answer_while_the_agent_is_silent() -> None:
    assert len(starts(listen(VoiceDetector(), together((1.0, mm_hm(-22, 110)))))) == 1


def test_a_click_is_no_voice_while_the_agent_is_silent() -> None:
    assert starts(listen(VoiceDetector(), together((1.0, click(-14)), (1.5, cough(-18))))) == []


@pytest.mark.parametrize(("loss", "late"), [(12, 0.02), (12, 0.3), (20, 0.12), (20, 0.48), (30, 0.25)])
@pytest.mark.parametrize("numbers", [NUMBERS, JUDGED], ids=["alone", "judged"])
def test_the_agents_own_echo_is_not_the_caller(loss: float, late: float, numbers: Thresholds) -> None:
    assert starts(while_the_agent_speaks(together((0.0, echo(AGENT, loss, late))), numbers)) == []


@pytest.mark.parametrize(("loss", "late"), [(12, 0.3), (20, 0.12), (30, 0.25)])
def test_a_voice_is_told_over_the_echo(loss: float, late: float) -> None:
    line = together((0.0, echo(AGENT, loss, late)), (2.0, recording("ps_cards5", -20)))
    [first, *_] = starts(while_the_agent_speaks(line))
    assert 2.0 < first < 2.0 + FIRST_SOUNDS["ps_cards5"] + 0.4


def test_a_voice_over_the_very_greeting_teaches_no_wrong_echo() -> None:
    """One who speaks from the agent's first word on is told, and told again after a pause."""
    line = together((0.4, recording("ps_cards5", -22)), (4.5, recording("an4_yes", -22)))
    told = starts(while_the_agent_speaks(line))
    assert told[0] < 0.4 + FIRST_SOUNDS["ps_cards5"] + 0.25
    assert any(4.5 < now < 4.5 + FIRST_SOUNDS["an4_yes"] + 0.25 for now in told)


def test_the_echo_of_a_single_first_word_is_not_the_caller() -> None:
    detector, word = VoiceDetector(), recording("jfk")[1600:4000]
    agent_speaks(detector, word, 0.0)
    assert starts(listen(detector, together((0.0, echo(word, 20, 0.13)), (1.0, silence(0.5))))) == []


def test_the_echo_of_what_was_said_before_a_clear_is_not_the_caller() -> None:
    detector = VoiceDetector()
    agent_speaks(detector, AGENT, 0.0)
    back = echo(AGENT[:16000], 14, 0.45)
    audio = encoded(together((0.0, back)))
    heard = []
    for begin in range(0, len(audio), 160):
        now = (begin + 160) / 8000
        if begin == 16_000:
            detector.cleared(now)
        heard += detector.hear(audio[begin : begin + 160], now)
    assert heard == []


@pytest.mark.parametrize("hiss", [-70, -42])
def test_the_end_of_a_voice_is_told_within_250_ms(hiss: float) -> None:
    # Cut in the middle of a vowel, so that it is known where it ends.
    said = recording("ps_cards5", -20)[: int(0.86 * 8000)]
    ends = 1.0 + len(said) / 8000
    heard = listen(VoiceDetector(), together((1.0, said), hiss=hiss))
    event, now = heard[-1]
    assert isinstance(event, VoiceEnded)
    assert event.at == pytest.approx(ends, abs=0.1)
    assert now - ends < 0.25


def test_a_pause_between_sounds_of_a_word_does_not_end_a_voice() -> None:
    said = recording("an4_yes", -20)
    heard = listen(VoiceDetector(), together((1.0, said)))
    assert [type(event) for event, _ in heard] == [VoiceStarted, VoiceEnded]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 2400), min_size=1, max_size=20))
def test_chunks_of_any_length_tell_the_same(sizes: list[int]) -> None:
    audio = encoded(together((0.5, recording("an4_yes"))))
    whole = [event for event, _ in listen(VoiceDetector(), together((0.5, recording("an4_yes"))))]
    detector, told, begin, n = VoiceDetector(), [], 0, 0
    while begin < len(audio):
        chunk = audio[begin : begin + sizes[n % len(sizes)]]
        begin, n = begin + len(chunk), n + 1
        told += detector.hear(chunk, begin / 8000)
    assert [type(event) for event in told] == [type(event) for event in whole]
    assert [event.at for event in told] == pytest.approx([event.at for event in whole], abs=0.05)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=4000), st.floats(0, 1e6))
def test_whatever_is_heard_a_voice_starts_before_it_ends(audio: bytes, now: float) -> None:
    detector = VoiceDetector()
    events = detector.hear(audio, now) + detector.hear(encoded(silence(1)), now + 1)
    expected = [VoiceStarted, VoiceEnded] * (len(events) // 2 + 1)
    assert [type(event) for event in events] == expected[: len(events)]
    assert all(event.at <= now + 1 for event in events)


def test_a_burst_after_a_stall_tells_what_a_steady_line_tells() -> None:
    """The network held half a second back: it comes at once, and the agent's echo is in it."""
    detector = VoiceDetector()
    agent_speaks(detector, AGENT, 0.0)
    audio = encoded(together((0.0, echo(AGENT, 16, 0.2))))
    heard = []
    for begin in range(0, len(audio), 160):
        now = (begin + 160) / 8000
        heard += detector.hear(audio[begin : begin + 160], 2.5 if 2.0 < now < 2.5 else now)
    assert heard == []


def test_a_quiet_caller_is_told_after_a_loud_one() -> None:
    line = together((0.5, recording("an4_yes", -14)), (3.0, at_level(recording("ps_cards5"), -34)))
    assert any(3.0 < now < 3.5 for now in starts(listen(VoiceDetector(), line)))


def the_caller_speaks_then(
    over_the_agent: Sound, numbers: Thresholds = NUMBERS
) -> tuple[list[float], VoiceDetector]:
    """When voices were told over the agent, who speaks from 4 to 10 s, after the caller's turn at -20 dB."""
    detector = VoiceDetector(numbers)
    agent_speaks(detector, AGENT, 4.0)
    heard = listen(detector, together((0.2, recording("ps_cards5", -20)), (5.0, over_the_agent)))
    return [now for now in starts(heard) if now > 4.0], detector


@pytest.mark.parametrize("numbers", [NUMBERS, JUDGED], ids=["alone", "judged"])
def test_somebody_who_speaks_beside_the_caller_does_not_stop_the_agent(numbers: Thresholds) -> None:
    told, detector = the_caller_speaks_then(recording("lv_0880", -44), numbers)
    assert told == []
    assert detector.others


@pytest.mark.parametrize("file", ["an4_date1", "lv_0870"])
def test_somebody_beside_the_caller_who_begins_louder_than_they_go_on_does_not_stop_the_agent(
    file: str,
) -> None:
    told, _ = the_caller_speaks_then(recording(file, -40), JUDGED)
    assert told == []


@pytest.mark.parametrize("sound", [mm_hm(-44, 110), mm_hm(-44, 210), at_level(decoded(sound("cough")), -44)])
def test_a_soft_sound_that_is_only_judged_is_nobody_beside_the_caller(sound: Sound) -> None:
    told, detector = the_caller_speaks_then(sound, JUDGED)
    assert told == []
    assert not detector.others


def test_the_caller_in_a_low_voice_stops_the_agent() -> None:
    told, detector = the_caller_speaks_then(recording("lv_0880", -30))
    assert told
    assert not detector.others


def test_the_recogniser_is_kept_from_people_beside_the_caller_only_while_the_agent_speaks() -> None:
    _, detector = the_caller_speaks_then(recording("lv_0880", -44))
    assert detector.hears_only_others(8.0)
    assert not detector.hears_only_others(12.0)


def the_caller_speaks_then_in_silence(softly: Sound, *, missed: bool) -> list[float]:
    """When voices were told after 3.5 s, the agent being silent, after the caller's turn at -20 dB. `missed`:
    the recogniser has heard the caller meanwhile, and we have not."""
    detector = VoiceDetector()
    listen(detector, together((0.2, recording("ps_cards5", -20)), (2.9, silence(0.1))))
    if missed:
        detector.missed()
    return starts(listen(detector, together((0.5, softly)), begins=3.5))


def test_a_voice_beside_the_caller_keeps_no_answer_waiting() -> None:
    assert the_caller_speaks_then_in_silence(recording("lv_0880", -44), missed=False) == []
    assert the_caller_speaks_then_in_silence(recording("lv_0880", -30), missed=False)


def test_a_caller_who_was_missed_is_heard_however_softly_they_speak() -> None:
    assert the_caller_speaks_then_in_silence(recording("lv_0880", -44), missed=True)
