"""YAML into typed values, where every mistake is told with the line it stands in. No I/O.

Plain words mean what they seem to: `no` and `on` are words, 0123 is a text, only 1.5 and -3 are numbers
(YAML 1.2's core schema without its other spellings).
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
import yaml

from app.errors import OffhookError

T = TypeVar("T")

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_PATH = re.compile(r" - at `(?:key in )?(\$.*)`$")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_TYPES = {
    "object": "a group of `name: value` lines", "array": "a list", "str": "a text", "float": "a number",
    "int": "a whole number", "bool": "true or false", "null": "nothing",
}  # fmt: skip


class ScenarioError(OffhookError):
    """A scenario cannot be read; the message names file, line and what is wrong."""


def read(text: str, name: str, kind: type[T]) -> T:
    """One document.

    Raises:
        ScenarioError: it is no YAML, or not a `kind`.
    """
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(f"{name}, line {line}: this is no YAML ({error.problem}).") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"{name}: this is no YAML ({error}).") from None
    lines: dict[str, int] = {}
    try:
        value = _value(node, "$", lines, name)
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        path = found[1] if (found := _PATH.search(str(error))) else "$"
        what = _PATH.sub("", str(error))
        raise ScenarioError(f"{name}, line {_line(path, lines)}: {_plain(what)}.") from None


def _value(node: yaml.Node | None, path: str, lines: dict[str, int], name: str) -> object:
    if node is None:
        return None
    lines.setdefault(path, node.start_mark.line + 1)
    match node:
        case yaml.MappingNode():
            values: dict[object, object] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                line = key_node.start_mark.line + 1
                if key in values:
                    raise ScenarioError(f"{name}, line {line}: `{key}` stands there twice.")
                lines[f"{path}.{key}"] = line
                values[key] = _value(value_node, f"{path}.{key}", lines, name)
            return values
        case yaml.SequenceNode():
            return [_value(item, f"{path}[{at}]", lines, name) for at, item in enumerate(node.value)]
        case yaml.ScalarNode(style=None):
            return _plain_scalar(node.value)
    return node.value


def _plain_scalar(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if number := _NUMBER.fullmatch(text):
        return float(text) if number[2] else int(text)
    return text


def _line(path: str, lines: dict[str, int]) -> int:
    """The line of the innermost part of the path that is known."""
    while path not in lines and path != "$":
        path = path[: max(path.rfind("."), path.rfind("["))] or "$"
    return lines.get(path, 1)


def _plain(what: str) -> str:
    """msgspec's words as a person's."""
    what = what.replace("Object contains unknown field", "there is no").replace(
        "Object missing required field", "what is missing is"
    )

    def expected(match: re.Match[str]) -> str:
        kinds = " or ".join(_TYPES.get(kind, kind) for kind in match[1].split(" | "))
        return f"expected {kinds}, not {_TYPES.get(match[2], match[2])}"

    what = re.sub(r"Expected `([^`]+)`, got `([^`]+)`", expected, what)
    what = re.sub(r"Invalid enum value '([^']*)'", r"'\1' is not one of those allowed here", what)
    return re.sub(r"Expected `(\w+)` ([<>]=? .*)", r"a number \2 is expected", what)
