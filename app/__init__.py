"""Offhook answers the phone: a self-hosted voice backend for Twilio Media Streams."""

__version__ = "0.1.0"
