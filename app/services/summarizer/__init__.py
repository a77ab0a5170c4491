"""Summaries: a talk that is over in, what it was about and what has to be done out."""

from app.services.summarizer.interface import ActionItem, Summarizer, Summary

__all__ = ["ActionItem", "Summarizer", "Summary"]
