"""From text to tokens, one at a time; comments and white space are dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.limits import MAX_LITERAL, MAX_NAME, MAX_TOKENS


class Token(NamedTuple):
    """A piece of the source: its kind, its text, and where it starts."""

    kind: str  # "name", "integer", "real", "string", "symbol", "line" (pragma, annotation) or "end"
    text: str
    offset: int


# Each alternative starts with another character, and none can be read in two ways: matching takes linear time.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f\v]+ | //[^\n]*)
  | (?P<comment>/\*)
  | (?P<real>(?: [0-9][0-9_]*\.[0-9_]* | \.[0-9][0-9_]* ) (?:[eE][+-]?[0-9][0-9_]*)?
      | [0-9][0-9_]*[eE][+-]?[0-9][0-9_]*)
  | (?P<integer>0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+ | [0-9][0-9_]*)
  | (?P<line>\#?pragma\b[^\n]* | @[^\W\d][^\n]*)
  | (?P<name>[^\W\d]\w* | \$[0-9]+ | \u2107)
  | (?P<string>"[^"\r\n]*" | '[^'\r\n]*')
  | (?P<symbol>\*\*= | <<= | >>= | -> | \+\+ | \*\* | == | != | <= | >= | && | \|\| | << | >>
      | \+= | -= | \*= | /= | %= | &= | \|= | \^= | ~= | [\[\]{}():;,=+\-*/%^&|~!<>.@#])
    """,
    re.VERBOSE,
)


def tokens(source: str) -> Iterator[Token]:
    """The tokens of a program, an "end" last.

    Raises:
        Refused: for a character that starts no token, a comment or string without an end, or what is too long.
    """
    position, length, left = 0, len(source), MAX_TOKENS
    line_start = True  # an annotation stands alone on its line: elsewhere @ belongs to a modifier
    while position < length:
        match = _TOKEN.match(source, position)
        if match is None:
            character = source[position]
            what = "a string without an end" if character in "\"'" else f"unexpected character {character!r}"
            raise Refused(what, position)
        kind, text = str(match.lastgroup), match.group()
        if kind == "comment":
            end = source.find("*/", position + 2)
            if end < 0:
                raise Refused("a comment /* without its */", position)
            position = end + 2
            continue
        if kind == "space":
            line_start = line_start or "\n" in text
            position = match.end()
            continue
        if kind == "line" and text[0] == "@" and not line_start:
            kind, text = "symbol", "@"
        if kind in ("integer", "real") and len(text) > MAX_LITERAL:
            raise Refused(f"a number of more than {MAX_LITERAL} characters", position)
        if kind == "name" and len(text) > MAX_NAME:
            raise Refused(f"a name of more than {MAX_NAME} characters: {shown(text)}", position)
        left -= 1
        if left < 0:
            raise Refused(f"a program of more than {MAX_TOKENS} tokens", position)
        yield Token(kind, text, position)
        line_start = False
        position += len(text)
    yield Token("end", "", length)
