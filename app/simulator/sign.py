"""`offhook sign`: what to paste into wscat to talk to the media stream by hand."""

from __future__ import annotations

import shlex

import click
import msgspec
from twilio.request_validator import RequestValidator

from app.settings import load_settings
from app.simulator.webhooks import new_sid
from app.telephony.tokens import issue_stream_token


@click.command()
@click.option("--url", metavar="URL", help="The server's WebSocket URL.  [default: WEBSOCKET_URL]")
@click.option("--call-sid", default="", help="The call to pretend to be.  [default: a new one]")
def sign(url: str | None, call_sid: str) -> None:
    """Print a wscat command with Twilio's signature, and the start message to paste after it."""
    settings = load_settings()
    url = url or settings.websocket_url
    if not url.startswith(("ws://", "wss://")):
        raise click.BadParameter("it must start with ws:// or wss://", param_hint="--url")
    call_sid = call_sid or new_sid("CA")
    start: dict[str, object] = {"callSid": call_sid}
    command = ["wscat", "-c", url]
    if settings.auth_tokens:
        signature = RequestValidator(settings.auth_tokens[0]).compute_signature(url, {})
        command += ["-H", f"X-Twilio-Signature: {signature}"]
        start["customParameters"] = {"token": issue_stream_token(settings, call_sid)}
        click.echo("Connect (the signature is good for this URL only):")
    else:
        click.echo("TWILIO_AUTH_TOKEN is not set: from this machine no signature is needed. Connect:")
    click.echo(f"\n  {shlex.join(command)}\n")
    click.echo("Then paste this line (a token is good for two minutes and for one call):")
    click.echo(f"\n  {msgspec.json.encode({'event': 'start', 'start': start}).decode()}\n")
