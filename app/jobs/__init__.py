"""What happens after a call: its summary, once, whatever breaks."""
