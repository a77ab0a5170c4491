"""Twilio on a laptop: a caller with a phone that plays, marks and clears as Twilio does, and tells on you."""
