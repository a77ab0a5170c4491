"""News of calls to whoever watches them, in whichever process."""
