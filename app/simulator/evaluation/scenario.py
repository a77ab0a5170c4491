"""A scenario: what the caller does, over which line, and what ought to come of it. docs/evaluation.md
explains the file format to those who write one. No I/O but reading the file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from app.errors import OffhookError
from app.simulator.evaluation.lined_yaml import ScenarioError, read

SCENARIOS = Path(__file__).parents[1] / "scenarios"
"""Those that come with Offhook."""

SoundName = Literal["cough", "click", "mm-hm", "breath", "laugh", "slam", "typing"]
NoiseName = Literal["white", "street", "babble", "hum", "music"]
VoiceName = Literal["normal", "low", "high"]
AnsweredBy = Literal[
    "human", "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax",
    "unknown", "busy", "no-answer", "failed",
]  # fmt: skip
Idle = Literal["wait", "wait for hang up", "hang up"]
Part = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=600)]
Decibels = Annotated[float, msgspec.Meta(ge=-60, le=20)]

_TIMING = {"when", "over", "at"}
_SPEECH = {*_TIMING, "level", "interrupts", "cut", "beside"}
_VERBS: dict[str, set[str]] = {
    "say": {*_SPEECH, "voice"},
    "play": {*_SPEECH, "text"},
    "sound": {*_TIMING, "level", "interrupts"},
    "press": _TIMING,
    "noise": {*_TIMING, "level", "seconds"},
    "pause": set(),
    "listen": {"not_before"},
}
"""What a step can do, and what can be said about how."""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing the caller does. Exactly one of the verbs is given."""

    say: str | None = None
    """Spoken by the local voice; `[0.6]` is a pause of so many seconds."""
    play: str | None = None
    """A recording: beside the scenario, or one that comes with Offhook."""
    sound: SoundName | None = None
    press: str | int | None = None
    noise: NoiseName | None = None
    """Around the caller for `seconds`, while the next steps happen."""
    pause: Seconds | None = None
    listen: Seconds | None = None
    """Hear the agent's next words to their end; they must begin within so many seconds of silence."""

    when: Literal["turn", "now"] | None = None
    """turn: once the agent has finished (what is left unsaid); now: at once."""
    over: Seconds | None = None
    """So many seconds into what the agent is saying."""
    at: Seconds | None = None
    """So many seconds after the stream's start."""
    level: Decibels = 0
    """How much louder than people usually speak."""
    voice: VoiceName | None = None
    text: str = ""
    """What the recording says."""
    interrupts: bool | Literal["maybe"] | None = None
    """Whether this ought to stop the agent. Left unsaid: speech `over` the agent ought to, sounds and other
    people ought not."""
    cut: Seconds | None = None
    """Broken off after so many seconds."""
    beside: bool = False
    """Somebody else in the room, while the next steps happen."""
    seconds: Seconds = 5
    not_before: Seconds = 0

    def __post_init__(self) -> None:
        given = [verb for verb in _VERBS if getattr(self, verb) is not None]
        if len(given) != 1:
            raise ValueError(f"a step does one of {', '.join(_VERBS)}; here: {', '.join(given) or 'none'}")
        changed = {name for name in self.__struct_fields__ if getattr(self, name) != _DEFAULTS[name]}
        if unfit := changed - _VERBS[given[0]] - {given[0]}:
            raise ValueError(f"`{min(unfit)}` says nothing about `{given[0]}`")
        if len(timing := changed & _TIMING) > 1:
            raise ValueError(f"only one of {', '.join(sorted(timing))} can be meant")
        if self.press is not None and set(str(self.press)) - set("0123456789*#"):
            raise ValueError("keys are 0-9, * and #")

    @property
    def background(self) -> bool:
        """Whether the caller goes on with the next step meanwhile."""
        return self.noise is not None or self.beside


_DEFAULTS = dict(zip(Step.__struct_fields__, Step.__struct_defaults__, strict=True))


class LineSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How good the line is, all the time."""

    echo: Decibels | None = None
    """How loud the agent's voice comes back, against how it went out: −30 is a good phone, −12 a bad one."""
    echo_delay: Annotated[int, msgspec.Meta(ge=20, le=1000)] = 120
    """Milliseconds."""
    noise: NoiseName | None = None
    snr: Annotated[float, msgspec.Meta(ge=-10, le=60)] = 20
    """How many decibels the noise is below the caller's voice."""
    loss: Annotated[float, msgspec.Meta(ge=0, le=50)] = 0
    """Percent of the frames that are lost."""
    jitter: Annotated[int, msgspec.Meta(ge=0, le=2000)] = 0
    """Milliseconds that messages are held back at most."""
    band: Literal["full", "narrow"] = "full"


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ought to come of the call, beyond what every call owes. Patterns are regular expressions; case
    does not matter, and those of a list are found one after the other."""

    agent_says: tuple[str, ...] = ()
    agent_never_says: tuple[str, ...] = ()
    caller_said: tuple[str, ...] = ()
    """In the stored lines of the caller."""
    caller_never_said: tuple[str, ...] = ()
    digits: str | None = None
    """These digits, in this order and without a gap, are in what was stored of the caller."""
    understood: Part = 0
    """The part of the caller's words that is stored, in their order."""
    items: tuple[str, ...] = ()
    """Each is in one of the stored things to do."""
    interrupted: int | None = None
    """How many of the agent's lines are stored as interrupted."""
    end_reason: str | None = None
    status: str | None = None
    ended_by: Literal["caller", "agent"] | None = None
    dials: bool | None = None
    voice_to_voice: int | None = None
    """Milliseconds within which each answer begins."""
    clear: int = 400
    """Milliseconds within which the agent falls silent when interrupted."""
    silence: Seconds = 2.0
    """Seconds the line may be silent while the agent owes an answer."""
    over_by: Seconds | None = None

    def __post_init__(self) -> None:
        for name in ("agent_says", "agent_never_says", "caller_said", "caller_never_said", "items"):
            for pattern in getattr(self, name):
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise ValueError(f"`{pattern}` of {name} is no regular expression ({error})") from None


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_number": "from"}):
    """One call."""

    about: str
    caller: tuple[Step | Idle, ...]
    expect: Expectations = Expectations()
    line: LineSpec = LineSpec()
    voice: VoiceName = "normal"
    from_number: str = "+15005550006"
    to: str | None = None
    dial: Literal["completed", "busy", "no-answer", "failed"] = "completed"
    """What becomes of the transfer, if the agent makes one."""
    answered_by: AnsweredBy | None = None
    """The server places this call, and so somebody answers; or nobody."""
    verdict_after: Seconds = 2.5
    """How long Twilio takes to tell who has answered."""
    seconds: Seconds = 120
    """The longest that the call may take."""
    name: str = ""
    """The file's, without its suffix."""
    folder: str = ""

    def __post_init__(self) -> None:
        if not self.caller:
            raise ValueError("the caller does nothing")

    @property
    def speaks(self) -> bool:
        """Whether the local voice is needed."""
        return any(not isinstance(step, str) and step.say is not None for step in self.caller)


def load(path: Path) -> Scenario:
    """Read one file.

    Raises:
        ScenarioError: it cannot be read; the message names file, line and what is wrong.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: this scenario cannot be read ({error}).") from None
    scenario = read(text, str(path), Scenario)
    return msgspec.structs.replace(scenario, name=path.stem, folder=str(path.parent))


def find(names: Sequence[str]) -> list[Scenario]:
    """Scenarios by file, by folder, or by the name of one that comes with Offhook; all of those by default.

    Raises:
        OffhookError: there is no such scenario, or it cannot be read.
    """
    paths: list[Path] = []
    for name in names or (str(SCENARIOS),):
        path = Path(name)
        if path.is_dir():
            paths += sorted(path.glob("*.yaml"))
        elif path.suffix in (".yaml", ".yml"):
            paths.append(path)
        elif (own := SCENARIOS / f"{name}.yaml").is_file():
            paths.append(own)
        else:
            known = ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
            raise OffhookError(f"There is no scenario {name!r}. Name a file, or one of: {known}.")
    return [load(path) for path in paths]
