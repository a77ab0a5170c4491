"""OpenAI's language models, and any that a server offers by the same protocol."""

from app.services.language_model.openai.model import OpenAILanguageModel

__all__ = ["OpenAILanguageModel"]
