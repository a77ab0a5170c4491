"""How well and how fast the caller's voice is told from everything else while the agent speaks.

    python benchmarks/barge_in.py [--voices DIR] [--cases 400] [--seed 1] [--list]

Every case is a made stretch of a call: the agent speaks, its echo may come back, the line is noisy, and the
caller says something, or nothing, or coughs. Speech is what lies in DIR (8 kHz WAV, any depth; default
tests/speech); every other sound is synthesised from the seed. Prints the latency from the caller's first
sound to the decision, missed and wrong interruptions, how late the end of the voice is noticed, and the
cost of a frame.
"""

from __future__ import annotations

import argparse
import audioop
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from recordings import read
from sounds import (
    FRAME,
    NOT_A_VOICE,
    RATE,
    Sound,
    at_level,
    band,
    coloured,
    hum,
    level,
    seconds,
    street,
    uh_huh,
)

from app.conversation.voice_detector import VoiceDetector, VoiceEnded, VoiceStarted

AGENT_LEVEL = -20.0
MISSED_AFTER = 1.0
"""Seconds from the first sound after which a decision has come too late to count."""


@dataclass
class Case:
    """A stretch of a call. Times are seconds from its beginning."""

    kind: str
    inbound: Sound
    agent: Sound
    agent_from: float
    starts: float | None = None
    """Where the caller's voice begins; None where there is none."""
    ends: float | None = None
    about: str = ""


@dataclass
class Voices:
    """Recordings by speaker: the folder they lie in, or where there is only one, the file."""

    speakers: dict[str, list[Sound]]

    def speaker(self, rng: random.Random, *others: str) -> str:
        return rng.choice([name for name in self.speakers if name not in others])

    def talk(self, rng: random.Random, speaker: str, length: float) -> Sound:
        """That much of a speaker's recordings, one after the other."""
        parts: list[Sound] = []
        while sum(map(seconds, parts)) < length:
            parts += [rng.choice(self.speakers[speaker]), np.zeros(int(rng.uniform(0.1, 0.4) * RATE))]
        whole = np.concatenate(parts)
        begin = rng.randrange(max(1, len(whole) - int(length * RATE)))
        return whole[begin : begin + int(length * RATE)]

    def utterance(self, rng: random.Random, speaker: str) -> Sound:
        """From a word's first sound on: 0.5 to 2.5 s, ending where the voice ends."""
        for _ in range(100):
            sound = rng.choice(self.speakers[speaker])
            begins = word_onsets(sound)
            if not begins:
                continue
            begin = rng.choice(begins)
            heard = sound[begin : begin + int(rng.uniform(0.7, 2.5) * RATE)]
            heard = heard[: last_sound(heard)]
            if seconds(heard) >= 0.3 and level(heard) > level(sound) - 10:
                return heard
        raise SystemExit(f"No words found in the recordings of {speaker}.")


def loudness(sound: Sound) -> Sound:
    """dB of each 10 ms."""
    frames = sound[: len(sound) // 80 * 80].reshape(-1, 80)
    result: Sound = 10 * np.log10((frames**2).mean(axis=1) + 1e-10)
    return result


def word_onsets(sound: Sound) -> list[int]:
    """Samples where something begins to be heard after 80 ms of next to nothing."""
    curve = loudness(sound)
    heard = curve > np.percentile(curve, 95) - 30
    return [
        n * 80 for n in range(8, len(heard) - 30) if heard[n : n + 4].all() and not heard[n - 8 : n].any()
    ] + ([0] if heard[:3].all() else [])


def last_sound(sound: Sound) -> int:
    curve = loudness(sound)
    heard = np.flatnonzero(curve > np.percentile(curve, 95) - 30)
    return int(heard[-1] + 1) * 80 if len(heard) else 0


def echo_of(agent: Sound, rng: random.Random) -> tuple[Sound, str]:
    loss, delay = rng.choice([12, 16, 20, 25, 30]), rng.uniform(0.02, 0.5)
    sound = band(agent, 300, rng.choice([2000, 3000, 3400]))
    if rng.random() < 0.3:
        limit = 0.5 * np.abs(sound).max()
        sound = limit * np.tanh(sound / limit)
    if rng.random() < 0.3:
        # A room or a hybrid: more than one way back.
        sound = sound + 0.4 * np.roll(sound, rng.randrange(8, 200))
    sound = np.concatenate([np.zeros(int(delay * RATE)), sound]) * 10 ** (-loss / 20)
    return sound, f"echo -{loss} dB after {delay * 1000:.0f} ms"


def add(line: Sound, sound: Sound, at: float) -> None:
    begin = int(at * RATE)
    end = min(len(line), begin + len(sound))
    line[begin:end] += sound[: end - begin]


def make(kind: str, voices: Voices, seed: str) -> Case:
    rng, noise = random.Random(seed), np.random.default_rng(random.Random(seed).randrange(2**32))
    length = 5.0
    line = np.zeros(int(length * RATE))
    agent_speaker = voices.speaker(rng)
    agent = at_level(voices.talk(rng, agent_speaker, length - 0.5), AGENT_LEVEL)
    about = []
    hiss = rng.uniform(-72, -52)
    line += at_level(coloured(noise, len(line), rng.choice([0, 0.5, 1])), hiss)
    echoed = "echo" in kind
    loudest_other = hiss
    if echoed:
        echo, what = echo_of(agent, rng)
        add(line, echo, 0.2)
        about.append(what)
        loudest_other = max(loudest_other, level(echo))
    case = Case(kind, line, agent, 0.2)
    if "caller" in kind:
        speaker = voices.speaker(rng, agent_speaker)
        if "noise" in kind:
            background = at_level(
                background_noise(noise, rng, voices, speaker, len(line)), rng.uniform(-50, -36)
            )
            line += background
            loudest_other = max(loudest_other, level(background))
            about.append(f"noise {level(background):.0f} dB")
        said = voices.utterance(rng, speaker)
        loud = max(loudest_other + rng.uniform(5, 15), rng.uniform(-34, -16))
        case.starts = rng.uniform(0.5, 3.0)
        case.ends = min(case.starts + seconds(said), length)
        add(line, at_level(said, loud), case.starts)
        about.append(f"{speaker} at {loud:.0f} dB")
    elif kind == "babble":
        line += at_level(babble(rng, voices, len(line)), rng.uniform(-48, -30))
    elif kind in NOT_A_VOICE:
        sound = NOT_A_VOICE[kind](noise)
        loud = rng.uniform(-40, -16)
        begin = rng.uniform(0.3, 3.0)
        add(line, at_level(sound, loud), begin)
        about.append(f"{loud:.0f} dB at {begin:.2f} s")
    elif kind == "uh-huh":
        add(line, at_level(uh_huh(noise), rng.uniform(-40, -20)), rng.uniform(0.3, 3))
    case.about = ", ".join(about)
    return case


def babble(rng: random.Random, voices: Voices, length: int) -> Sound:
    speakers = list(voices.speakers)
    talks = [at_level(voices.talk(rng, rng.choice(speakers), length / RATE), -20) for _ in range(7)]
    return np.sum([np.resize(talk, length) for talk in talks], axis=0)


def background_noise(
    noise: np.random.Generator, rng: random.Random, voices: Voices, speaker: str, length: int
) -> Sound:
    which = rng.choice(["white", "pink", "brown", "street", "hum", "babble"])
    if which == "babble":
        return babble(rng, voices, length)
    if which == "hum":
        return np.resize(hum(noise), length)
    if which == "street":
        return np.resize(street(noise), length)
    return coloured(noise, length, {"white": 0, "pink": 1, "brown": 2}[which])


@dataclass
class Result:
    started: list[tuple[float, float]] = field(default_factory=list)
    """Where each voice began, and when that was decided."""
    ended: list[tuple[float, float]] = field(default_factory=list)
    cpu: float = 0.0
    frames: int = 0


def encode(sound: Sound) -> bytes:
    pcm = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    encoded: bytes = audioop.lin2ulaw(pcm, 2)
    return encoded


def agent_speaks(detector: VoiceDetector, audio: bytes, audible_at: float) -> None:
    """All of it at once, in pieces of 400 ms: a synthesiser is far ahead of what is played."""
    piece = 400 * 8
    for begin in range(0, len(audio), piece):
        detector.sent(audio[begin : begin + piece], audible_at + begin / RATE)


def run(case: Case) -> Result:
    detector, result = VoiceDetector(), Result()
    agent_speaks(detector, encode(case.agent), case.agent_from)
    line = encode(case.inbound)
    began = time.process_time()
    for begin in range(0, len(line) - FRAME + 1, FRAME):
        now = (begin + FRAME) / RATE
        for event in detector.hear(line[begin : begin + FRAME], now):
            match event:
                case VoiceStarted(at):
                    result.started.append((at, now))
                case VoiceEnded(at):
                    result.ended.append((at, now))
        result.frames += 1
    result.cpu = time.process_time() - began
    return result


def load(folder: Path, only: str, without: str) -> Voices:
    speakers: dict[str, list[Sound]] = {}
    for path in sorted(folder.rglob("*.wav")):
        name = str(path.relative_to(folder))
        if (only and not any(part in name for part in only.split(","))) or any(
            part in name for part in without.split(",") if part
        ):
            continue
        sound, rate = read(path)
        if rate != RATE or len(sound) < 0.4 * RATE or sound.std() < 1e-3:
            continue
        speaker = path.stem if path.parent == folder else path.relative_to(folder).parts[0]
        speakers.setdefault(speaker, []).append(sound.astype(np.float64))
    return Voices(speakers)


CALLER = ["caller", "caller, noise", "caller, echo", "caller, echo, noise"]
NOBODY = ["echo", "babble", *NOT_A_VOICE]
ALLOWED = ["uh-huh"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--voices", type=Path, default=Path("tests/speech"))
    parser.add_argument("--only", default="", help="take only recordings whose path contains one of these")
    parser.add_argument("--without", default="", help="leave out recordings whose path contains one of these")
    parser.add_argument("--cases", type=int, default=100, help="of each kind")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kinds", default="")
    parser.add_argument("--list", action="store_true", help="print every case that went wrong")
    arguments = parser.parse_args()
    voices = load(arguments.voices, arguments.only, arguments.without)
    kinds = [
        k for k in [*CALLER, *NOBODY, *ALLOWED] if not arguments.kinds or k in arguments.kinds.split("/")
    ]
    print(f"{sum(map(len, voices.speakers.values()))} recordings of {len(voices.speakers)} speakers")
    cpu, frames, all_delays, ends = 0.0, 0, [], []
    wrong, nobody, missed, callers = 0, 0, 0, 0
    for kind in kinds:
        delays, bad = [], 0
        early = 0
        kind_cpu, kind_frames = 0.0, 0
        for n in range(arguments.cases):
            case = make(kind, voices, f"{arguments.seed} {kind} {n}")
            result = run(case)
            kind_cpu += result.cpu
            kind_frames += result.frames
            verdict = ""
            if case.starts is None:
                if result.started:
                    bad += 1
                    verdict = f"wrong at {result.started[0][1]:.2f}"
            else:
                assert case.ends is not None
                before = [now for _, now in result.started if now < case.starts]
                after = [now for _, now in result.started if case.starts <= now <= case.starts + MISSED_AFTER]
                if before:
                    early += 1
                    verdict = f"early at {before[0]:.2f}"
                elif after:
                    delays.append(after[0] - case.starts)
                    if delays[-1] > 0.35:
                        verdict = f"late {delays[-1]:.2f}"
                    final = [now - case.ends for _, now in result.ended if now > case.ends - 0.1]
                    if final:
                        ends.append(final[0])
                else:
                    bad += 1
                    verdict = "missed"
            if verdict and arguments.list:
                print(f"    {kind} {n}: {verdict} ({case.about}, voice {case.starts} to {case.ends})")
        cpu, frames = cpu + kind_cpu, frames + kind_frames
        cost = f"{kind_cpu / kind_frames * 1e6:5.0f} µs/frame"
        if kind in CALLER:
            missed, callers, wrong = missed + bad, callers + arguments.cases, wrong + early
            all_delays += delays
            print(
                f"{kind:22} missed {bad:3} of {arguments.cases}, early {early:3}, "
                f"after {percentiles(delays)}, {cost}"
            )
        else:
            if kind in NOBODY:
                wrong, nobody = wrong + bad, nobody + arguments.cases
            print(f"{kind:22} wrong  {bad:3} of {arguments.cases}{' ' * 46}{cost}")
    if callers:
        print(
            f"missed {missed / callers:.1%} of {callers}; first sound to decision {percentiles(all_delays)}"
        )
        print(f"end of voice noticed after {percentiles(ends)}")
    if nobody:
        print(f"wrong {wrong / (nobody + callers):.1%} of {nobody + callers}")
    print(f"{cpu / frames * 1e6:.0f} µs a frame")


def percentiles(values: list[float]) -> str:
    if len(values) < 2:
        return "-"
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return f"{cuts[49] * 1000:4.0f} ms median, {cuts[94] * 1000:4.0f} ms p95"


if __name__ == "__main__":
    main()
