"""How well the words stored as heard are the words audible, when the assistant is interrupted.

    python benchmarks/heard_words.py [--part tuned|held-out] [--cuts 4] [--voices piper,slt] [--list]

The replies of agent_replies.txt are spoken by voices that tell when each word is spoken (spoken_words.py),
sent to the ledger in pieces as a call sends them, and played by a telephone some network away whose marks
come back. At `--cuts` moments of each reply a `clear` is sent. A word is audible if more than half of it was
played when that `clear` arrived.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from spoken_words import Spoken, Voice, flite, piper

from app.media_stream.audio import BYTES_PER_MS, Pieces, duration_ms
from app.media_stream.playback import Playback
from app.services.language_model.clauses import split

REPLIES = Path(__file__).with_name("agent_replies.txt")
PARTS = ("tuned", "held-out")
VOICES: dict[str, Callable[[], Voice]] = {
    "piper": lambda: piper(1.0),
    "piper-fast": lambda: piper(0.85),
    "piper-slow": lambda: piper(1.15),
    "slt": lambda: flite("slt", 1.0),
    "rms": lambda: flite("rms", 0.9),
    "awb": lambda: flite("awb", 1.0),
    "kal16": lambda: flite("kal16", 1.1),
}


class Making(NamedTuple):
    """How a reply's audio comes to be and where it goes."""

    name: str
    speed: float
    """Seconds of audio made in one second; a clause begins when the one before has been made."""
    chunk_ms: int
    one_way: float
    """Seconds from us to the telephone, and as long back."""
    late: float
    """Seconds for which the telephone buffers before it plays."""


MAKINGS = (
    Making("made at once, near", 1000.0, 60_000, 0.002, 0.0),
    Making("made at once, far", 1000.0, 60_000, 0.075, 0.02),
    Making("made in pieces, near", 1.6, 200, 0.002, 0.0),
    Making("made in pieces, far", 1.6, 130, 0.075, 0.02),
    Making("made in pieces, buffered", 1.6, 200, 0.03, 0.15),
)


class Cut(NamedTuple):
    heard: int
    audible: int
    words: list[str]


class Piece(NamedTuple):
    made: float
    audio: bytes
    begins: str
    """The clause's text, in its first piece."""
    ends: bool


def replies(part: str) -> list[str]:
    tuned, _, held_out = REPLIES.read_text("utf-8").partition("\n# held out\n")
    text = tuned if part == "tuned" else held_out
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def cut(spoken: list[Spoken], making: Making, at: float, ledger: Playback) -> Cut:
    """Interrupt a reply `at` seconds after its first sound was sent."""
    marks: list[tuple[float, str]] = []
    playing_ends = 0.0
    starts: list[float] = []
    heard_by = at + making.one_way
    for piece in pieces(spoken, making):
        if piece.made > at:
            break
        while marks and marks[0][0] <= piece.made:
            ledger.mark(marks[0][1], marks.pop(0)[0])
        if piece.begins:
            ledger.begin_clause(piece.begins)
        begins = max(playing_ends, piece.made + making.one_way + making.late)
        if piece.begins:
            starts.append(begins)
        playing_ends = begins + duration_ms(piece.audio) / 1000
        marks.append((playing_ends + making.one_way, ledger.sent(piece.audio, piece.made)))
        if piece.ends:
            ledger.end_clause()
    for returns, name in marks:
        if returns <= at:
            ledger.mark(name, returns)
    audible = sum(
        start + (begin + end) / 2000 <= min(heard_by, playing_ends)
        for start, clause in zip(starts, spoken, strict=False)
        for begin, end in clause.words
    )
    words = [word for clause in spoken for word in clause.text.split()]
    return Cut(len(ledger.heard(at).split()), audible, words)


def pieces(spoken: list[Spoken], making: Making) -> Iterator[Piece]:
    made = 0.0
    for clause in spoken:
        cutter, begins = Pieces(), clause.text
        size = making.chunk_ms * BYTES_PER_MS
        for start in range(0, len(clause.audio), size):
            chunk = clause.audio[start : start + size]
            for audio in cutter.feed(chunk):
                yield Piece(made, audio, begins, ends=False)
                begins = ""
            made += duration_ms(chunk) / 1000 / making.speed
        rest = cutter.flush()
        yield Piece(made, rest[0] if rest else b"", begins, ends=True)


def report(name: str, cuts: list[Cut]) -> str:
    errors = [cut.heard - cut.audible for cut in cuts]
    shares = [sum(abs(error) <= most for error in errors) / len(errors) for most in (0, 1, 2)]
    return (
        f"{name:40} {len(errors):5} cuts: same {shares[0]:.1%}, ± 1 word {shares[1]:.1%},"
        f" ± 2 {shares[2]:.1%}, mean {sum(errors) / len(errors):+.2f} words"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--voices", default=",".join(VOICES))
    parser.add_argument("--cuts", type=int, default=4)
    parser.add_argument("--list", action="store_true", help="print what is off by more than one word")
    arguments = parser.parse_args()
    for part in (arguments.part,) if arguments.part else PARTS:
        every: list[Cut] = []
        for name in arguments.voices.split(","):
            voice = VOICES[name]()
            spoken = [[voice(clause) for clause in split(reply)] for reply in replies(part)]
            for making in MAKINGS:
                cuts = measure(spoken, making, arguments.cuts)
                every += cuts
                print(report(f"{part}, {name}, {making.name}", cuts))
                if arguments.list:
                    print(*(listed(cut) for cut in cuts if abs(cut.heard - cut.audible) > 1), sep="\n")
        print(report(f"{part}, all", every))


def measure(
    spoken: list[list[Spoken]], making: Making, cuts: int, ledger: Callable[[], Playback] = Playback
) -> list[Cut]:
    chance = random.Random(1)
    return [
        cut(
            reply,
            making,
            chance.uniform(0.2, sum(duration_ms(clause.audio) for clause in reply) / 1000),
            ledger(),
        )
        for reply in spoken
        for _ in range(cuts)
    ]


def listed(cut: Cut) -> str:
    least, most = sorted((cut.heard, cut.audible))
    between = " ".join(cut.words[least:most])
    what = "stored but not audible" if cut.heard > cut.audible else "audible but not stored"
    return f"  {what}: … {' '.join(cut.words[max(0, least - 4) : least])} [{between}]"


if __name__ == "__main__":
    main()
