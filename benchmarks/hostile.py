"""A million hostile messages and requests against a whole server, while one call goes on.

    python -m benchmarks.hostile [--count 1000000] [--idle 20]

Starts `offhook serve` (signatures required, embedded PostgreSQL, local speech) and a call that sends a frame
every 20 ms, each with a ping: the pong's delay is what the frame waited for. First it runs alone, then
under attack by two processes. The exit status is 0 if nothing got in, nothing was answered with 500, no
traceback was logged, memory and descriptors came back, and the call's 99th percentile stayed within 20 ms of
the idle run.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import uuid4

import jwt
import psutil
from twilio.request_validator import RequestValidator

from app.server import bind
from app.settings import load_settings
from app.telephony.tokens import StreamTokens

SECRET = "the auth token of the benchmark"
OPERATOR = "operator"
ATTACKERS = 2
HALF_OPEN = 300
VALID_MS = 10
"""A call whose own frames leave later than that is held up by other programs, whatever the server does."""
SIDS = [f"CA{number:032x}" for number in range(50)]

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


def addresses() -> itertools.cycle[str]:
    """Strangers from many places; nobody's minute is over at once."""
    places = [f"127.{a}.{b}.{c}" for a in range(10, 14) for b in range(64) for c in range(1, 60)]
    random.shuffle(places)
    return itertools.cycle(places)


def frame(payload: bytes, opcode: int = 1, head: int = 0x80) -> bytes:
    """A client's frame, masked with zeros."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    return bytes([head | opcode]) + length + bytes(4) + payload


class Target:
    """The server, as attackers know it; they have stolen a signed upgrade, and some of them a token."""

    def __init__(self, port: int, seed: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}/ws/media-stream"
        self.validator = RequestValidator(SECRET)
        self.signature = self.validator.compute_signature(self.ws_url, {})
        self.random = random.Random(seed)
        self.places = addresses()
        self.seen: Counter[str] = Counter()

    async def open(self) -> tuple[Reader, Writer]:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(next(self.places), 0))

    async def upgrade(self, signature: str | None) -> tuple[Reader, Writer] | int:
        """A WebSocket, or the status of the refusal."""
        reader, writer = await self.open()
        signed = f"X-Twilio-Signature: {signature}\r\n" if signature is not None else ""
        writer.write(
            f"GET /ws/media-stream HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n"
            f"{signed}\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status == 101:
            return reader, writer
        writer.close()
        return status

    async def post(self, path: str, form: dict[str, str], *, sign: bool) -> bytes:
        reader, writer = await self.open()
        body = urlencode(form).encode()
        signature = self.validator.compute_signature(self.url + path, form) if sign else "forged"
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Twilio-Signature: {signature}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        answer = await reader.read()
        writer.close()
        return answer

    async def token(self, call_sid: str) -> str:
        twiml = await self.post("/voice/incoming", {"CallSid": call_sid, "From": "+15550100"}, sign=True)
        found = re.search(rb'name="token" value="([^"]+)"', twiml)
        assert found, twiml[:200]
        return found[1].decode()


def start(call_sid: str, token: str | None) -> bytes:
    parameters = {"token": token} if token is not None else {}
    body = {"callSid": call_sid, "customParameters": parameters}
    return frame(json.dumps({"event": "start", "streamSid": "MZ1", "start": body}).encode())


async def closed_with(reader: Reader, on_pong: Callable[[], None] = lambda: None) -> tuple[int, bool]:
    """The code of the server's close (0: none), and whether it sent anything before: then it let us in."""
    let_in = False
    try:
        async with asyncio.timeout(15):
            while True:
                first, second = await reader.readexactly(2)
                size = second & 0x7F
                if size > 125:
                    size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
                payload = await reader.readexactly(size)
                if first & 0x0F == 8:
                    return int.from_bytes(payload[:2]), let_in
                if first & 0x0F == 10:
                    on_pong()
                let_in = let_in or first & 0x0F == 1
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        return 0, let_in


# The attacks. Each makes some messages or requests, and returns how many.


async def requests(target: Target) -> int:
    """Paths, headers, methods and forms that nobody would send, two hundred on one connection."""
    chance = target.random
    reader, writer = await target.open()
    sent = 0
    for _ in range(200):
        rubbish = quote(bytes(chance.choices(range(256), k=chance.randint(0, 12))))
        path = chance.choice(PATHS).replace("*", rubbish).replace("SID", chance.choice(SIDS))
        method = chance.choice(("GET", "GET", "POST", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"))
        headers = "".join(f"{line}\r\n" for line in chance.sample(HEADERS, k=chance.randint(0, 4)))
        body = chance.choice(BODIES)
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: {chance.choice(HOSTS)}\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n".encode("latin-1")
            + body
        )
        sent += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            break
        status = head.split(b" ", 2)[1].decode()
        target.seen[f"HTTP {status}"] += 1
        if length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
            await (reader.readexactly(int(length[1])) if method != "HEAD" else asyncio.sleep(0))
        elif status != "204":
            break
        if b"connection: close" in head.lower():
            break
    writer.close()
    return sent


PATHS = (
    "/", "/*", "/voice/incoming", "/voice/next?*", "/voice/incoming/*", "/voice/../api/calls", "//voice/next",
    "/api/calls", "/api/calls/SID", "/api/calls/*", "/api/calls/SID/transcript", "/api/calls/SID/events",
    "/api/calls?limit=*", "/api/calls?before=*", "/api/calls?user_id=*", "/healthz", "/metrics?*",
    "/ws/media-stream", "/%2e%2e/%2e%2e/etc/passwd", "/api/calls/SID%00", "http://other.example/api/calls",
)  # fmt: skip
HOSTS = ("x", "127.0.0.1", "[", "a:b:c", "evil.example/voice/next?", "é", "", "x" * 300)
HEADERS = (
    "X-Twilio-Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "X-Twilio-Signature: é",
    "X-Twilio-Webhooks-Signature-Settings: key=1,algorithm=none",
    "X-Twilio-Webhooks-Signature-Settings: algorithm=HMAC_SHA256",
    "Authorization: Bearer operato",
    "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.",
    "Authorization: Basic b3BlcmF0b3I6",
    "Authorization: Bearer \xff\xfe",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: application/json",
    "Content-Type: multipart/form-data; boundary=x",
    "Content-Type: application/x-www-form-urlencoded; charset=\xff",
    "X-Forwarded-For: 127.0.0.1",
    "X-Original-URL: /api/calls",
    "Expect: 100-continue",
    "Origin: https://evil.example",
    "Last-Event-ID: 99999999999999999999",
    "Transfer-Encoding: identity",
    "Cookie: " + "a=b;" * 200,
)
BODIES = (
    b"", b"CallSid=CA1&From=%2B1", b"CallSid=%00&From=%ff", b"&&&=&=", b"a=b&" * 300, b'{"CallSid":"CA1"}',
    b"[" * 5000, b'{"CallSid":' * 500, b"\xff\xfe\x00",
    b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", b"x" * 70_000,
)  # fmt: skip


async def garbage(target: Target) -> int:
    """Bytes that are no HTTP at all, or begin like some."""
    chance = target.random
    reader, writer = await target.open()
    prefix = chance.choice(
        (b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n")
    )
    writer.write(prefix + chance.randbytes(chance.randint(1, 2000)) + b"\r\n\r\n")
    writer.write_eof()
    try:
        async with asyncio.timeout(20):
            if b" 500 " in (await reader.read())[:20]:
                target.seen["HTTP 500"] += 1
    except ConnectionError:
        pass
    writer.close()
    return 1


async def upgrades(target: Target) -> int:
    """Without the signature, or with one of something else."""
    for signature in (None, "", "forged", target.validator.compute_signature(target.url, {})):
        answer = await target.upgrade(signature)
        target.seen[f"upgrade {answer if isinstance(answer, int) else 'ACCEPTED'}"] += 1
    return 4


async def stream_tokens(target: Target) -> int:
    """With a stolen signature, but a token that is forged, expired, somebody else's or spent."""
    call_sid = f"CA{uuid4().hex}"
    good = await target.token(call_sid)
    stranger = StreamTokens(load_settings(twilio_auth_token="guessed"))
    head, claims, _ = good.split(".")
    bad: list[tuple[str, str | None]] = [
        (SIDS[0], good),
        (call_sid, None),
        (call_sid, stranger.issue(call_sid)),
        (call_sid, f"{head}.{claims}.{'A' * 43}"),
        (call_sid, jwt.encode({"sub": call_sid, "exp": 4e9, "jti": "x"}, "", "none")),
        (call_sid, good[:-2]),
        (call_sid, "é" * 1000),
    ]
    used = await target.upgrade(target.signature)
    if isinstance(used, int):
        target.seen[f"upgrade {used}"] += 1
        return 1
    used[1].write(start(call_sid, good))
    await used[0].readexactly(2)
    used[1].close()
    bad += [(call_sid, good)] * 3
    for sid, token in bad:
        opened = await target.upgrade(target.signature)
        if isinstance(opened, int):
            target.seen[f"upgrade {opened}"] += 1
            continue
        opened[1].write(start(sid, token))
        code, let_in = await closed_with(opened[0])
        target.seen[f"bad token {code}{' LET IN' if let_in else ''}"] += 1
        opened[1].close()
    return len(bad) + 1


async def messages(target: Target) -> int:
    """A stream that was opened rightly, and is then sent rubbish as fast as it is taken, until it is cut off.

    What still lies in the socket then was never read, and does not count: each hundred ends with a ping.
    """
    call_sid = f"CA{uuid4().hex}"
    token = await target.token(call_sid)
    opened = await target.upgrade(target.signature)
    if isinstance(opened, int):
        target.seen[f"upgrade {opened}"] += 1
        return 1
    reader, writer = opened
    writer.write(start(call_sid, token))
    taken = asyncio.Semaphore(5)
    pongs = 0

    def on_pong() -> None:
        nonlocal pongs
        pongs += 1
        taken.release()

    ended = asyncio.create_task(closed_with(reader, on_pong))
    ended.add_done_callback(lambda _: taken.release())
    try:
        while True:
            await taken.acquire()
            if ended.done():
                break
            writer.write(b"".join(target.random.choices(MUTATED, k=100)) + frame(b"", 9))
            await writer.drain()
        code, _ = await ended
        target.seen[f"flood {code}"] += 1
    except ConnectionError:
        target.seen["flood cut"] += 1
        ended.cancel()
    writer.close()
    return 100 * pongs


SPLINTERS = (b"{", b'"', b"[[[[", b"\\ud800", b"\\u0000", b"1e999", "é".encode())


def mutated(chance: random.Random) -> bytes:
    """One of Twilio's messages with something wrong in it."""
    payload = b64encode(chance.randbytes(160)).decode()
    message = chance.choice(
        (
            {"event": "media", "streamSid": "MZ1", "media": {"payload": payload}},
            {"event": "media", "media": {"payload": payload[:-1]}},
            {"event": "mark", "streamSid": "MZ1", "mark": {"name": "0.1"}},
            {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "1"}},
            {"event": "start", "streamSid": "MZ2", "start": {"callSid": chance.choice(SIDS)}},
            {"event": "connected"},
            {"event": chance.choice(("clear", "Media", 7, None, [], {}))},
        )
    )
    text = bytearray(json.dumps(message).encode())
    for _ in range(chance.randint(0, 3)):
        at = chance.randrange(len(text))
        match chance.randint(0, 3):
            case 0:
                text[at] = chance.randrange(32, 127)
            case 1:
                text[at : at + 1] = b" "
            case 2:
                text[at:at] = chance.choice(
                    (b"{", b'"', b"[[[[", b"\\ud800", b"\\u0000", b"1e999", "é".encode())
                )
            case 3:
                del text[at:]
                text += b" "
    # UTF-8 as it should be: what is not is for `frames`, and would end the stream at once.
    return frame(text.decode(errors="ignore").encode(), opcode=2 if chance.random() < 0.05 else 1)


MUTATED = [mutated(random.Random(number)) for number in range(3000)]


async def frames(target: Target) -> int:
    """Giant, compressed, unmasked, endless and broken frames on a signed socket."""
    bad = (
        frame(b"x" * 100, head=0xC0),
        b"\x81\xff" + (1 << 62).to_bytes(8) + bytes(1000),
        frame(b"x" * 300_000),
        b"\x81\x05hello",
        frame(b"\xff\xff"),
        frame(b"", 9) * 20_000,
        frame(b"", 1, head=0) + frame(b"", 0, head=0) * 20_000,
        frame(b"{}") * 5_000,
        frame(b"x", 0),
        frame(b"\x00", 8),
    )
    for content in bad:
        opened = await target.upgrade(target.signature)
        if isinstance(opened, int):
            target.seen[f"upgrade {opened}"] += 1
            continue
        reader, writer = opened
        try:
            writer.write(content)
            await writer.drain()
            writer.write(frame(b"\x03\xe8", 8))
            code, let_in = await closed_with(reader)
            target.seen[f"bad frame {code}{' LET IN' if let_in else ''}"] += 1
        except ConnectionError:
            target.seen["bad frame cut"] += 1
        writer.close()
    return len(bad)


async def half_open(target: Target) -> None:
    """Connect, begin, drip, never end; or ask for much and read nothing."""
    reader, writer = await target.open()
    writer.write(
        target.random.choice((b"", b"G", b"POST /voice/incoming HTTP/1.1\r\nContent-Length: 999\r\n"))
    )
    try:
        async with asyncio.timeout(20):
            for _ in range(20):
                writer.write(b"X")
                if await _ended(reader, 1.0):
                    break
    except (ConnectionError, TimeoutError):
        pass
    writer.close()


async def _ended(reader: Reader, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return not await reader.read(1000)
    except TimeoutError:
        return False


SHARES: dict[Callable[[Target], Awaitable[int]], float] = {
    messages: 0.85,
    requests: 0.10,
    upgrades: 0.02,
    garbage: 0.01,
    stream_tokens: 0.01,
    frames: 0.01,
}
"""What part of the count each makes up. `half_open` goes on beside them, HALF_OPEN sockets at any time."""


AT_ONCE = {messages: 8, requests: 8}


async def attack(port: int, count: int, seed: int) -> None:
    """One attacking process. Prints what it saw, as JSON."""
    target = Target(port, seed)
    made: Counter[str] = Counter()

    async def repeat(kind: Callable[[Target], Awaitable[int]], share: float) -> None:
        while made[kind.__name__] < count * share:
            try:
                async with asyncio.timeout(60):
                    # Not in one line: the count would be read before it is waited for, and written after.
                    sent = await kind(target)
                made[kind.__name__] += sent
            except TimeoutError:
                target.seen[f"{kind.__name__} TIMED OUT"] += 1
            except (OSError, asyncio.IncompleteReadError):
                made[kind.__name__] += 1
                target.seen[f"{kind.__name__} cut off"] += 1

    async def hang_about() -> None:
        while True:
            try:
                await half_open(target)
                made["half_open"] += 1
            except OSError:
                await asyncio.sleep(0.1)

    crowd = [asyncio.create_task(hang_about()) for _ in range(HALF_OPEN // ATTACKERS)]
    async with asyncio.TaskGroup() as tasks:
        for kind, share in SHARES.items():
            for _ in range(AT_ONCE.get(kind, 2)):
                tasks.create_task(repeat(kind, share))
    for task in crowd:
        task.cancel()
    print(json.dumps({"made": made, "seen": target.seen}))


class Probe:
    """An ordinary call: 50 frames a second, each with a ping; the pongs' delays in milliseconds."""

    def __init__(self, port: int) -> None:
        self._target = Target(port, 0)
        self.delays: list[float] = []
        self.late: list[float] = []
        """How late the call itself was: what this machine, and not the server, does to it."""

    async def run(self) -> None:
        """Call again when the assistant hangs up on a caller who says nothing."""
        while True:
            await self._call()

    async def _call(self) -> None:
        call_sid = f"CA{uuid4().hex}"
        token = await self._target.token(call_sid)
        opened = await self._target.upgrade(self._target.signature)
        assert not isinstance(opened, int), f"the call was refused: {opened}"
        reader, writer = opened
        writer.write(start(call_sid, token))
        reading = asyncio.create_task(self._read(reader, writer))
        media = {
            "event": "media",
            "streamSid": "MZ1",
            "media": {"payload": b64encode(b"\xff" * 160).decode()},
        }
        chunk = frame(json.dumps(media).encode())
        begun = time.perf_counter()
        try:
            for number in itertools.count():
                await asyncio.sleep(begun + number * 0.02 - time.perf_counter())
                self.late.append(1000 * (time.perf_counter() - begun) - number * 20)
                if reading.done():
                    return await reading
                writer.write(chunk + frame(str(time.perf_counter()).encode(), 9))
        finally:
            reading.cancel()
            writer.close()

    async def _read(self, reader: Reader, writer: Writer) -> None:
        while True:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
            payload = await reader.readexactly(size)
            if first & 0x0F == 8:
                assert payload == b"\x03\xe8agent_hung_up", f"the call was closed: {payload!r}"
                return
            if first & 0x0F == 9:
                writer.write(frame(payload, 10))
            if first & 0x0F == 10:
                self.delays.append(1000 * (time.perf_counter() - float(payload)))

    def p99(self) -> tuple[float, float]:
        """Of the delays, and of how late the call itself was."""
        taken, self.delays = self.delays, []
        late, self.late = self.late, []
        quantiles = statistics.quantiles(taken, n=100)
        own = statistics.quantiles(late, n=100)[98]
        print(
            f"    frames {len(taken)}: median {quantiles[49]:.1f} ms, p99 {quantiles[98]:.1f} ms, "
            f"longest {max(taken):.1f} ms; sent late: p99 {own:.1f} ms"
        )
        return quantiles[98], own


async def main(count: int, idle: float) -> bool:
    with (
        tempfile.TemporaryDirectory(prefix="offhook-hostile-") as place,
        (Path(place) / "log").open("w+") as log,
    ):
        listener = bind(load_settings(port=0))
        port = listener.getsockname()[1]
        listener.close()
        server = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "serve"),
            env=os.environ
            | {
                "PORT": str(port),
                "STATE_DIR": f"{place}/state",
                "TWILIO_AUTH_TOKEN": SECRET,
                "OPERATOR_TOKEN": OPERATOR,
                "LOCAL_SPEECH_WORKERS": "1",
            },
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )
        try:
            return await judge(port, psutil.Process(server.pid), Path(log.name), count, idle)
        finally:
            server.terminate()
            await server.wait()


async def judge(port: int, server: psutil.Process, log: Path, count: int, idle: float) -> bool:
    async with asyncio.timeout(120):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
                if b" 200 " in answer[:20]:
                    break
            except OSError:
                pass
            await asyncio.sleep(0.5)
    # A server that has seen a little of everything has its buffers and caches.
    print("warming up")
    await attackers(port, count // 20)
    await asyncio.sleep(12)

    probe = Probe(port)
    call = asyncio.create_task(probe.run())
    await asyncio.sleep(3)
    probe.delays, probe.late = [], []
    print(f"the call alone, {idle:.0f} s")
    await asyncio.sleep(idle)
    quiet, _ = probe.p99()
    before = server.memory_info().rss, server.num_fds()
    print(f"under attack: {count} messages and requests")
    begun, highest = time.perf_counter(), 0

    async def watch() -> None:
        nonlocal highest
        while True:
            highest = max(highest, server.memory_info().rss)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    made, seen = await attackers(port, count)
    watching.cancel()
    busy, late = probe.p99()
    print(f"    {sum(made.values())} in {time.perf_counter() - begun:.0f} s: {dict(made)}")
    print(f"    answers: {dict(sorted(seen.items()))}")
    await asyncio.sleep(15)  # deadlines pass, sockets close
    after = server.memory_info().rss, server.num_fds()
    lines = await asyncio.to_thread(lambda: log.read_text().splitlines())
    tracebacks = sum("Traceback" in line for line in lines)
    if tracebacks:
        first = next(number for number, line in enumerate(lines) if "Traceback" in line)
        print("\n".join(f"      {line}" for line in lines[max(0, first - 2) : first + 40]))
    mb = 1 / 2**20
    print(f"    memory {before[0] * mb:.0f} MB, at most {highest * mb:.0f}, then {after[0] * mb:.0f}")
    print(f"    descriptors {before[1]}, then {after[1]}; log lines {len(lines)}, tracebacks {tracebacks}")
    verdicts = {
        "the call goes on": not call.done(),
        "nothing got in": not any("LET IN" in name or "ACCEPTED" in name for name in seen),
        "no 500": not any("500" in name for name in seen) and not tracebacks,
        "every answer came": not any("TIMED OUT" in name for name in seen),
        "memory is flat": after[0] < before[0] * 1.1 + 20 * 2**20,
        "descriptors came back": after[1] <= before[1] + 10,
        "the log is short": len(lines) < 2000 + count / 50,
        f"valid: the call itself was sent in time, p99 below {VALID_MS} ms": late < VALID_MS,
        f"p99 within 20 ms of the idle run ({busy:.1f} against {quiet:.1f})": busy < quiet + 20,
    }
    if call.done():
        print(f"    the call ended: {call.exception()!r}")
    call.cancel()
    for verdict, good in verdicts.items():
        print(f"  {'yes' if good else 'NO '}  {verdict}")
    return all(verdicts.values())


async def attackers(port: int, count: int) -> tuple[Counter[str], Counter[str]]:
    """Two processes, politer to the machine than the server is."""
    processes = [
        await asyncio.create_subprocess_exec(
            *("nice", "-n", "10", sys.executable, "-m", "benchmarks.hostile"),
            *("--attack", str(port), "--count", str(count // ATTACKERS), "--seed", str(seed)),
            stdout=asyncio.subprocess.PIPE,
        )
        for seed in range(1, ATTACKERS + 1)
    ]
    made: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for process in processes:
        output, _ = await process.communicate()
        told = json.loads(output or b'{"made": {}, "seen": {"an attacker FAILED": 1}}')
        made.update(told["made"])
        seen.update(told["seen"])
    return made, seen


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--idle", type=float, default=20)
    parser.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        asyncio.run(attack(options.attack, options.count, options.seed))
    else:
        sys.exit(0 if asyncio.run(main(options.count, options.idle)) else 1)
