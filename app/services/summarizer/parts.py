"""Cuts a transcript into parts that a model can take. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def parts_of(lines: Sequence[str], characters: int) -> list[list[str]]:
    """`lines` in as few parts as their order allows, of at most so many characters each.

    A line longer than that is cut, at a space if there is one in its second half.
    """
    parts: list[list[str]] = []
    room = 0
    for line in lines:
        for piece in _pieces(line, characters):
            if not parts or len(piece) > room:
                parts.append([])
                room = characters
            parts[-1].append(piece)
            room -= len(piece)
    return parts


def _pieces(line: str, characters: int) -> list[str]:
    pieces = []
    while len(line) > characters:
        end = line.rfind(" ", characters // 2, characters) + 1 or characters
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]
