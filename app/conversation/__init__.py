"""The talk itself: whose turn it is, interruptions, what to say next. It knows a line, not Twilio."""
