"""Values as PostgreSQL takes them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def row_of(operation: DataclassInstance) -> dict[str, Any]:
    """A column for each field."""
    row = {field.name: getattr(operation, field.name) for field in fields(operation)}
    return {name: storable(value) for name, value in row.items()}


def storable(value: Any) -> Any:
    """PostgreSQL refuses U+0000 in text and JSON, UTF-8 lone surrogates; neither was ever spoken."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
