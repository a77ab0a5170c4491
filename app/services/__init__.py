"""What a call needs from outside: ears, a voice, a mind. One small interface each, adapters behind it."""
