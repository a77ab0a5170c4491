"""create_app(): the one place that knows every part."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from app.api.access import Access
from app.api.calls import CallsApi
from app.api.events import EventsApi
from app.api.health import Health
from app.api.json import ERROR_HANDLERS
from app.beginnings import CUT_OFF, NOBODY_ANSWERED
from app.calls import Calls
from app.check.language import warn_of_models
from app.conversation.phrases import CONNECTING, DEAFENED, NOBODY, PROMPTS
from app.conversation.speaking import APOLOGY, FILLERS, VOICELESS
from app.draining import drain
from app.errors import OffhookError
from app.jobs.housekeeping import Housekeeping
from app.jobs.worker import JobWorker
from app.limits.users import UserLimit
from app.live.events import LiveEvents
from app.media_stream.admission import Admission
from app.media_stream.handler import MediaStreamEndpoint
from app.media_stream.manager import MediaStreamManager
from app.operator_token import operator_token
from app.services import choice
from app.services.language_model.clauses import split
from app.services.speech_to_text.warm import WarmEars
from app.services.text_to_speech import SynthesisError
from app.services.text_to_speech.phrase_cache import PhraseCache
from app.settings import Settings
from app.store.adoption import Adoption
from app.store.database import Database
from app.store.erasure import Erasure
from app.store.leases import Leases, new_owner
from app.store.queries import Queries
from app.store.writer import Writer
from app.telephony import rest
from app.telephony.hanging_up import HangingUp
from app.telephony.outbound import Outbound
from app.telephony.signatures import Signatures
from app.telephony.spending import OneTimeTokens
from app.telephony.tokens import StreamTokens
from app.telephony.webhooks import Webhooks
from app.user_tokens import UserTokens

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
"""Of a request. Twilio's forms have 1 to 4 KiB."""


def create_app(settings: Settings, on_failure: Callable[[OffhookError], None]) -> Starlette:
    """The whole server on one database, which is there and migrated.

    Services load while the server answers already; `/readyz` waits for them. `on_failure` gets the reason
    when a part cannot be loaded or is lost: the server has to stop then.
    """
    owner = new_owner()
    database = Database(settings.database_url, settings.encryption)
    queries = Queries(database)
    writer = Writer(database, owner, settings.spools, masking=settings.mask_transcripts)
    live = LiveEvents(database)
    leases = Leases(database, owner)
    manager = MediaStreamManager(
        idle_seconds=settings.idle_seconds, max_call_seconds=settings.max_call_seconds
    )
    ears, voice, mind = WarmEars(choice.ears(settings)), choice.voice(settings), choice.mind(settings)
    twilio = rest.connect(settings)
    hanging_up = HangingUp(twilio) if twilio else None
    calls = Calls(
        settings,
        manager,
        writer,
        queries,
        ears=ears,
        voice=voice,
        mind=mind,
        live=live,
        hanging_up=hanging_up,
        listening=choice.listening(),
    )
    signatures = Signatures(settings)
    tokens = StreamTokens(settings)
    access = Access(operator_token(settings), UserTokens(settings))
    users = UserLimit(database, manager, settings.max_calls_per_user)
    admission = Admission(settings, signatures, OneTimeTokens(tokens, database), manager)
    media_stream = MediaStreamEndpoint(settings, admission, calls)

    loaded = asyncio.Event()
    health = Health(
        {
            "speech_to_text": lambda: ears.ready,
            "text_to_speech": lambda: voice.ready,
            "greeting": loaded.is_set,
            "calls": lambda: not manager.draining,
        }
    )

    async def load() -> None:
        await asyncio.gather(*(service.start() for service in (ears, voice, mind)))
        await _warm(voice, settings.agent_greeting)
        loaded.set()
        log.info("ready for calls")
        phrases = (*PROMPTS, NOBODY, CONNECTING, CUT_OFF, NOBODY_ANSWERED, APOLOGY, DEAFENED, *VOICELESS)
        await _warm(voice, *FILLERS, *choice.openings(), *phrases, settings.agent_voicemail)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        parts = {
            "the loading of speech and language": load(),
            "the look at the models' dates": warn_of_models(settings),
            "the watch on idle calls": manager.run(),
            "the watch on calls of dead servers": leases.run(),
            "the writes of dead servers": Adoption(database, settings.spools).run(),
            "the live updates": live.run(),
        }
        if hanging_up:
            parts["the hanging up"] = hanging_up.run()
        if settings.jobs == "inline":
            parts["the job worker"] = JobWorker(database, choice.summarizer(settings), settings.zone).run()
            parts["the housekeeping"] = Housekeeping(database, settings.retention).run()

        async with AsyncExitStack() as stack:
            stack.push_async_callback(database.aclose)
            if twilio:
                stack.push_async_callback(twilio.aclose)
            await stack.enter_async_context(writer)
            for service in (ears, voice, mind):
                stack.push_async_callback(service.aclose)
            async with asyncio.TaskGroup() as tasks:
                background = [
                    tasks.create_task(_guard(*part, on_failure), name=part[0]) for part in parts.items()
                ]
                yield {}
                for task in background:
                    task.cancel()

    app = Starlette(
        routes=[
            *Webhooks(settings, signatures, tokens, calls, users).routes(),
            WebSocketRoute("/ws/media-stream", media_stream.handle),
            *CallsApi(
                access, queries, Erasure(database), manager, Outbound(settings, twilio, calls)
            ).routes(),
            *EventsApi(access, queries, live).routes(),
            *health.routes(),
        ],
        exception_handlers=ERROR_HANDLERS,
        max_body_size=MAX_BODY_BYTES,
        lifespan=lifespan,
    )
    app.state.manager = manager
    app.state.voice = voice
    app.state.drain = lambda hurry: drain(calls, settings.drain_seconds, hurry)
    app.state.loaded = loaded
    return app


async def _warm(voice: PhraseCache, *texts: str) -> None:
    """Make phrases ahead. A voice that cannot, now, may be able to when it is needed."""
    try:
        for text in texts:
            await voice.warm(split(text))
    except SynthesisError as error:
        log.warning("no phrases could be made ahead: %s", error)


async def _guard(name: str, part: Awaitable[None], on_failure: Callable[[OffhookError], None]) -> None:
    """A part that is lost takes the server with it: half a server answers calls with silence."""
    try:
        await part
    except OffhookError as error:
        on_failure(error)
    except Exception:
        log.exception("%s has failed", name)
        on_failure(OffhookError(f"{name} has failed; the log above says how. Start the server again."))
