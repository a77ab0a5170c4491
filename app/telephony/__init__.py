"""Twilio over HTTP: webhooks, TwiML, signatures, and the tokens that open a stream."""
