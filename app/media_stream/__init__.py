"""Twilio over WebSocket: the wire, the audio, what was played, and the endpoint that ties them to a call."""
