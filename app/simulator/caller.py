"""One simulated call against a running server: Twilio's webhooks, its TwiML, its media streams."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin

import httpx2

from app.errors import OffhookError
from app.simulator import audio, twiml
from app.simulator.clock import FrameClock
from app.simulator.handset import Handset
from app.simulator.listening import voiced_spans
from app.simulator.microphone import PERFECT, LineConditions
from app.simulator.recording import write_recording
from app.simulator.report import CallReport, Cut, EndedBy, measure_streams, measure_turns
from app.simulator.script import Step
from app.simulator.stream import CallLog, MediaStream
from app.simulator.violations import ViolationError
from app.simulator.webhooks import TIMEOUT_SECONDS, Webhooks, new_sid, trusted_authorities
from app.simulator.wire import Wire

MAX_DOCUMENTS = 50
"""TwiML documents of one call: more is a redirect loop."""
SPEAKING_RATE = 15.0
"""Characters a second of `<Say>`."""
DIGIT_SECONDS = 0.5
"""One tone of `<Play digits>`, or one `w`."""
DIAL_SECONDS = 1.0
"""How long a dialled number talks, or rings before it turns out busy."""

DialStatus = Literal["completed", "busy", "no-answer", "failed"]


@dataclass(frozen=True, slots=True)
class Placed:
    """The server has placed the call: where Twilio asks what to do once it is answered, and tells its end."""

    url: str
    status_callback: str


class _CallerHungUpError(Exception):
    """The script is over."""


class SimulatedCall:
    """A call from `from_number` to `to_number`, answered by the server at `base_url`.

    `steps` is what the caller does from the first stream on; at their end the caller hangs up. With an
    `auth_token` all requests and the WebSocket upgrade are signed over the URL they go to. A dialled number
    answers with `dial_status`. `record_to` is a folder for the recording, named after the call's SID. A call
    that the server has `placed` goes from its number to the caller's, who has just answered.
    """

    def __init__(
        self,
        base_url: str,
        steps: Sequence[Step],
        *,
        auth_token: str = "",
        call_sid: str = "",
        account_sid: str = "",
        from_number: str = "+15005550006",
        to_number: str = "+15005550001",
        dial_status: DialStatus = "completed",
        record_to: Path | None = None,
        max_seconds: float = 600.0,
        placed: Placed | None = None,
        line: LineConditions = PERFECT,
    ) -> None:
        self.call_sid = call_sid or new_sid("CA")
        self.account_sid = account_sid or new_sid("AC")
        self._base_url = base_url.rstrip("/")
        self._auth_token = auth_token
        self._from = from_number
        self._to = to_number
        self._dial_status = dial_status
        self._record_to = record_to
        self._direction = "outbound-api" if placed else "inbound"
        self._placed = placed or Placed(f"{self._base_url}/voice/incoming", f"{self._base_url}/voice/status")
        self._handset = Handset(steps, max_seconds * 1000, line)
        self._line = line
        self._log = CallLog()
        self._trail: list[str] = []
        self._final_status = "completed"
        self._talk: asyncio.Task[EndedBy] | None = None

    async def run(self) -> CallReport:
        """Place the call and stay on the line until it is over. What went wrong is in the report."""
        async with (
            httpx2.AsyncClient(
                timeout=TIMEOUT_SECONDS, follow_redirects=True, trust_env=False, verify=trusted_authorities()
            ) as client,
            asyncio.TaskGroup() as self._callbacks,
        ):
            self._webhooks = Webhooks(client, self._auth_token)
            self._talk = self._callbacks.create_task(self._call())
            await asyncio.wait([self._talk])
            # Only `end` cancels it.
            ended_by: EndedBy = "agent" if self._talk.cancelled() else self._talk.result()
            duration = math.ceil(self._handset.phone.now_ms / 1000)
            await self._callback(
                self._placed.status_callback,
                self._form(
                    self._final_status,
                    CallDuration=str(duration),
                    CallbackSource="call-progress-events",
                    SequenceNumber="0",
                    Timestamp=format_datetime(datetime.now(UTC)),
                ),
            )
        return await asyncio.to_thread(self._report, ended_by)

    def end(self) -> None:
        """The server has Twilio end the call (REST, Status=completed), whatever is going on in it."""
        if self._talk is not None:
            self._talk.cancel()

    async def _call(self) -> EndedBy:
        try:
            url = self._placed.url
            status = "ringing" if self._direction == "inbound" else "in-progress"
            verbs = await self._webhooks.fetch_twiml(url, self._form(status))
            self._clock = FrameClock()
            await self._follow(url, verbs)
        except _CallerHungUpError:
            return "caller"
        except ViolationError as error:
            self._log.violation(error)
            return "error"
        return "agent"

    async def _follow(self, url: str, verbs: tuple[twiml.Verb, ...]) -> None:
        """Do what the documents say until there is nothing left to do."""
        for _ in range(MAX_DOCUMENTS):
            jump = await self._execute(url, verbs)
            if jump is None:
                return
            url, method, form = jump
            verbs = await self._webhooks.fetch_twiml(url, form, method)
        raise ViolationError(twiml.RETRIEVAL_FAILED, f"the call went through {MAX_DOCUMENTS} TwiML documents")

    async def _execute(
        self, url: str, verbs: tuple[twiml.Verb, ...]
    ) -> tuple[str, str, dict[str, str]] | None:
        """One document. Returns the next one's URL, method and form, or None at the call's end."""
        for verb in verbs:
            self._trail.append(type(verb).__name__)
            match verb:
                case twiml.Connect():
                    await self._connect(url, verb)
                    if verb.action is not None:
                        return urljoin(url, verb.action), verb.method, self._form("in-progress")
                case twiml.Redirect():
                    return urljoin(url, verb.url), verb.method, self._form("in-progress")
                case twiml.Say():
                    await self._wait(len(verb.text) / SPEAKING_RATE)
                case twiml.Play():
                    await self._play(url, verb)
                case twiml.Pause():
                    await self._wait(verb.seconds)
                case twiml.Dial():
                    outcome = await self._dial(verb)
                    if verb.action is not None:
                        return urljoin(url, verb.action), verb.method, outcome
                case twiml.Hangup():
                    return None
                case twiml.Reject():
                    self._final_status = "busy" if verb.reason == "busy" else "no-answer"
                    return None
        return None

    async def _connect(self, url: str, connect: twiml.Connect) -> None:
        stream = connect.stream
        stream_sid = new_sid("MZ")
        wire = Wire(self.account_sid, self.call_sid, stream_sid, stream.parameters)

        def notify(event: str, error: str = "") -> None:
            if stream.status_callback:
                form = {
                    "AccountSid": self.account_sid,
                    "CallSid": self.call_sid,
                    "StreamSid": stream_sid,
                    "StreamName": stream.name or stream_sid,
                    "StreamEvent": event,
                    "Timestamp": datetime.now(UTC).isoformat(),
                } | ({"StreamError": error} if error else {})
                callback = self._callback(
                    urljoin(url, stream.status_callback), form, stream.status_callback_method
                )
                self._callbacks.create_task(callback)

        notify("stream-started")
        try:
            media = MediaStream(wire, self._handset, self._clock, self._log, self._line)
            end = await media.run(stream.url, self._webhooks.signature(stream.url, {}))
        except ViolationError as error:
            # Twilio goes on with the call as if the stream had ended.
            self._log.violation(error)
            notify("stream-error", str(error))
            return
        notify("stream-stopped")
        if end == "caller_hung_up":
            if connect.action is not None:
                # Asked as well, but there is nobody left to do what it says with. (Unconfirmed.)
                await self._callback(urljoin(url, connect.action), self._form("completed"), connect.method)
            raise _CallerHungUpError

    async def _play(self, url: str, play: twiml.Play) -> None:
        if play.digits:
            await self._wait(len(play.digits) * DIGIT_SECONDS * play.times)
            return
        source = urljoin(url, play.url)
        response = await self._webhooks.request(source, {}, "GET")
        try:
            sound = await asyncio.to_thread(audio.decode, response.content, source)
        except OffhookError as error:
            raise ViolationError(twiml.WRONG_CONTENT_TYPE, str(error)) from None
        for _ in range(play.times):
            self._handset.phone.play(sound)
            await self._wait(len(sound) / audio.RATE)

    async def _dial(self, dial: twiml.Dial) -> dict[str, str]:
        self._trail[-1] = f"Dial {' '.join(dial.numbers)}"
        await self._wait(dial.timeout if self._dial_status == "no-answer" else DIAL_SECONDS, ringing=True)
        form = self._form("in-progress", DialCallStatus=self._dial_status, DialCallSid=new_sid("CA"))
        if self._dial_status == "completed":
            form["DialCallDuration"] = str(math.ceil(DIAL_SECONDS))
        return form

    async def _wait(self, seconds: float, *, ringing: bool = False) -> None:
        """The call goes on without a stream."""
        until = self._handset.phone.now_ms + seconds * 1000
        while self._handset.phone.now_ms < until:
            await self._clock.beat()
            if self._handset.tick(ringing=ringing).moment.hang_up:
                raise _CallerHungUpError

    async def _callback(self, url: str, form: dict[str, str], method: str = "POST") -> None:
        """Tell the server something; the call does not depend on its answer, but the report does."""
        try:
            await self._webhooks.request(url, form, method)
        except ViolationError as error:
            self._log.violation(error)

    def _form(self, status: str, **more: str) -> dict[str, str]:
        return {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.call_sid,
            "CallStatus": status,
            "Called": self._to,
            "CalledCountry": "US",
            "Caller": self._from,
            "CallerCity": "",
            "CallerCountry": "US",
            "CallerState": "",
            "CallerZip": "",
            "Direction": self._direction,
            "From": self._from,
            "FromCountry": "US",
            "To": self._to,
            "ToCountry": "US",
            **more,
        }

    def _report(self, ended_by: EndedBy) -> CallReport:
        phone, scene, log = self._handset.phone, self._handset.scene, self._log
        recording = ""
        if self._record_to is not None and phone.said:
            path = self._record_to / f"{self.call_sid}.wav"
            write_recording(path, bytes(phone.said), bytes(phone.heard))
            recording = str(path)
        agent = voiced_spans(bytes(phone.heard))
        first = log.streams_ms[0] if log.streams_ms else 0
        problems = (*scene.problems, *log.problems)
        return CallReport(
            call_sid=self.call_sid,
            ok=not log.violations and not problems,
            ended_by=ended_by,
            duration_ms=phone.now_ms,
            greeting_ms=next((span.start_ms - first for span in agent if span.start_ms >= first), None),
            turns=measure_turns(scene.utterances, agent, [clear.at_ms for clear in log.clears], phone.now_ms),
            trail=tuple(self._trail),
            marks_received=log.marks_received,
            marks_returned=log.marks_returned,
            cuts=tuple(Cut(round(clear.at_ms), clear.voiced_ms) for clear in log.clears),
            stream_ms=first,
            violations=tuple(log.violations),
            problems=problems,
            recording=recording,
            worst_lateness_ms=round(log.worst_lateness_ms, 1),
            streams=measure_streams(bytes(phone.heard), log.streams_ms, log.ends_ms),
        )
