"""JSON for programs: calls, transcripts, live events, and what a platform asks."""
