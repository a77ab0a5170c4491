"""The numbers by which a voice is told from other sounds. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers. benchmarks/barge_in.py says what they do."""

    louder: float = 2.5
    """How many times the noise's power a frame must have to be looked at."""
    quietest: float = 80.0**2
    """The least power of a voice: -52 dB."""
    subtract: float = 2.0
    """How many times the expected power is taken out of each bin before a frame is judged."""
    remains: float = 0.3
    """The share of a frame's power that must remain then."""
    periodic: float = 0.26
    """How much a frame must repeat with its pitch to be taken for a voice."""
    weakly: float = 0.2
    """The same within a voice that has been told."""
    middle: float = 0.06
    """The share of power above 700 Hz that an open mouth has at least: a hum has 1 %."""
    airy: float = 0.2
    """That share of power in a frame without a pitch is a consonant's: a hum has none."""
    breathes: float = 0.003
    """A consonant is at most 25 dB weaker than its vowel."""
    contrast: float = 8.0
    """How many times the power of the second before a voice must have. A crowd is no louder than itself."""
    still: float = 0.003
    """A pitch that changes less in a frame is a machine's."""
    travel: float = 0.03
    """How far it must have gone, up or down, until a voice is told: that of a horn in noise trembles, but
    goes nowhere."""
    moving: float = 0.008
    """The same share for a mouth that is seen to move: for voices with much bass."""
    moved: float = 0.85
    """It moves when its spectrum is no more like the one before than this."""
    tonal: float = 0.99
    """Above this share of power in two peaks it is one tone or two: keys, ringing."""
    slides: int = 3
    """Frames in which its pitch goes the same way, after which it is a voice's: of an "ee" two harmonics are
    heard, like two tones."""
    slides_by: float = 0.004
    """By so much in each."""
    alike: float = 0.995
    """A spectrum that stays this much like the one before is a steady tone."""
    glide: float = 1.15
    """By how much the pitch may change in a frame."""
    bridge: float = 3.5
    """Frames after which a pitch no longer counts as that of the frame before."""
    rush: float = 0.42
    """How much what seems to be a voice must repeat, unless its spectrum once stays so much alike: of passing
    cars that swell into one, 95 % have less of both, and of 260 voices none (half of them in noise)."""
    rush_alike: float = 0.8
    attack: int = 3
    """Frames on either side of a steady tone that belong to it."""
    burst: float = 2.0
    """How many times as loud as its voice the air of a cough is; a consonant is softer than its vowel."""
    cough: int = 30
    """Frames for which a cough may go on, 600 ms: a voice within them is its own, unless it is louder."""
    span: int = 15
    """Frames over which voiced ones are counted, 300 ms."""
    voiced: int = 3
    voiced_open: int = 2
    """So many make a voice, and so many of them must be of an open mouth if the agent is audible."""
    lasting: int = 8
    """Frames with a pitch, of the span, which make a voice although few of them followed one another: soft
    and creaky beginnings, mouths half closed."""
    lasting_airy: float = 0.0
    """What each frame of a consonant counts for among those, once two have a pitch. If it counts, the pitch
    need not travel: no tone begins with one."""
    lasting_open: int = 3
    lasting_travel: float = 0.01
    lasting_moved: float = 0.7
    """The mouth must once have moved so much meanwhile, as `moved` has it: a horn never does."""
    hum: int = 34
    """Frames with a pitch, of the last 45, after which a closed mouth is an interruption too: 600 ms."""
    hum_motion: float = 0.15
    """By what share its pitch must have moved in all."""
    echo: float = 0.45
    """The share of what is heard that, explained by what was sent, makes it an echo."""
    silence: float = 0.2
    """Seconds without a voice after which it has ended."""
    trails: float = 0.003
    """What is more than 25 dB weaker than the voice was does not belong to it."""
    weakens: float = 0.03
    """A pitch is the voice's own if it is at most 15 dB weaker."""
    unvoiced: float = 0.45
    """Seconds for which sound without pitch may go on and still be part of what is said."""


NUMBERS = Thresholds()
JUDGED = replace(
    NUMBERS,
    voiced=2,
    voiced_open=0,
    travel=0.01,
    lasting=4,
    lasting_airy=0.5,
    lasting_open=0,
    lasting_travel=0.001,
    lasting_moved=0.85,
    rush=0,
    burst=3,
)
"""Where a judge of voices has the last word, over the agent's: it tells "mm-hm" from "no" even in noise that
hides how open the mouth is. So it is asked early, and of passing cars and what follows a cough, too: of 437
beginnings of sentences, 19 of 20 are noticed within 0.25 s in noise of 15 to 30 dB, and 0.29 s in one of 5 to
15 dB. With the numbers above it would be 0.44 s."""
