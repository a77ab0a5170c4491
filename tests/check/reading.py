"""The providers on loopback, as `offhook check` meets them."""

from __future__ import annotations

from app.check.finding import Finding
from app.settings import Settings, load_settings

KEY = "sk-very-secret"


def openai_settings(url: str, **changed: object) -> Settings:
    """One model of a server on loopback, and nobody behind it."""
    chosen: dict[str, object] = {
        "openai_api_key": KEY,
        "openai_base_url": url,
        "openai_model": "gpt-test",
        "openai_summary_model": "gpt-test",
        "language_model": "openai",
        "text_to_speech": "local",
    }
    return load_settings(**(chosen | changed))


def levels(findings: list[Finding]) -> str:
    """The signs, in their order."""
    return "".join(finding.level.value for finding in findings)


def said(findings: list[Finding]) -> str:
    """All that a person reads."""
    return "\n".join(f"{finding.subject} {finding.text} {finding.advice}" for finding in findings)
