"""What the assistant says of its own accord, whatever language model it has: made into sound ahead."""

PROMPTS = ("Are you still there?", "I can't hear you. Are you still on the line?")
NOBODY = "It seems that nobody is there. Goodbye."
DEAFENED = "I'm sorry, I can't hear you at the moment. Please stay on the line, I'm trying again."
CONNECTING = "One moment, I'll connect you."
