"""Read a large JSON object member by member, its lists record by record, in little memory.

Each record is decoded by the standard library, so values (also NaN, which JSON does not know but
many programs write) are those of `json.loads`; only the text around the records is handled here.
"""

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

CHUNK_BYTES = 1 << 20
"""Bytes read at once; a record longer than this is read in ever larger pieces."""

# A cut-off word such as -Infinity or \u12 makes the decoder stop that far before the text's end.
_LONGEST_WORD = 16

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_COMMA = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")


class JsonError(ValueError):
    """Text that is no JSON; the message says what was found and where."""


class EmptyJsonError(JsonError):
    """A file with nothing but white space."""


class NotUtf8Error(JsonError):
    """A file that is not text in UTF-8."""


@contextmanager
def open_json(path: Path) -> Iterator["JsonDocument"]:
    """Open a JSON file for reading once, from front to back.

    Args:
        path: The file, in UTF-8 with or without a byte order mark.

    Yields:
        The document.

    Raises:
        OSError: The file cannot be opened or read.
        JsonError: It is empty, not UTF-8, or no JSON.
    """
    with path.open("rb") as file:
        yield JsonDocument(_Text(file))


class JsonDocument:
    """A JSON file that is being read.

    Attributes:
        kind: Python's name for the kind of its value: "dict" for an object, "list", "str", ...
    """

    def __init__(self, text: "_Text") -> None:
        self._text = text
        first = text.peek()
        if not first:
            raise EmptyJsonError("the file is empty")
        self.kind = {"{": "dict", "[": "list"}.get(first, "")
        if self.kind == "list":
            next(self._items(), None)  # a list that is broken at once is broken, not a list
        elif not self.kind:
            self.kind = type(text.value()).__name__

    def members(self) -> Iterator[tuple[str, Any]]:
        """Go through the members of the object, once.

        Yields:
            Key and value. A list comes as an iterator over its elements, which has to be used
            before the next member is asked for; what is left of it then is skipped. Any other
            value comes whole.

        Raises:
            JsonError: The text is broken, or a key occurs twice.
        """
        if self.kind != "dict":
            raise TypeError(f"Only an object has members; this is a {self.kind}.")
        text, seen = self._text, set[str]()
        text.take("{")
        is_over = text.take_if("}")
        while not is_over:
            key = self._key(seen)
            if text.peek() == "[":
                items = self._items()
                yield key, items
                for _ in items:
                    pass
            else:
                yield key, text.value()
            is_over = text.take_if("}")
            if not is_over:
                text.take(",")
        if text.peek():
            raise text.error("Extra data")

    def _key(self, seen: set[str]) -> str:
        """Read a key and its colon; JsonError if it is not new."""
        text = self._text
        if text.peek() != '"':
            raise text.error("Expecting property name enclosed in double quotes")
        key = str(text.value())
        if key in seen:
            raise text.error(f"The key {key!r} occurs twice; it ends")
        seen.add(key)
        text.take(":")
        return key

    def _items(self) -> Iterator[Any]:
        """Decode the elements of a list one by one."""
        text = self._text
        text.take("[")
        is_over = text.take_if("]")
        while not is_over:
            yield text.value()
            if text.take_comma():
                continue
            is_over = text.take_if("]")
            if not is_over:
                text.take(",")


class _Text:
    """The piece of a file's text that is being decoded; it moves along the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._bytes_read = 0
        self._is_last = False
        self._buffer, self._index = "", 0
        # Place of the buffer's first character in the file, for messages; all from 0.
        self._characters = self._line = self._column = 0

    def peek(self) -> str:
        """The next character that is no white space, "" at the end of the file."""
        while True:
            found = _SPACE.match(self._buffer, self._index)
            self._index = found.end() if found else self._index
            if self._index < len(self._buffer):
                return self._buffer[self._index]
            if self._is_last:
                return ""
            self._refill()

    def take(self, character: str) -> None:
        """Go past a character; JsonError unless it is the next."""
        if not self.take_if(character):
            raise self.error(f"Expecting {character!r}")

    def take_if(self, character: str) -> bool:
        """Go past a character if it is the next; return whether it was."""
        is_next = self.peek() == character
        self._index += is_next
        return is_next

    def take_comma(self) -> bool:
        """Go past a comma and the space behind it; False if that is not all in the buffer."""
        found = _COMMA.match(self._buffer, self._index)
        if found is None or found.end() >= len(self._buffer):
            return False
        self._index = found.end()
        return True

    def value(self) -> Any:
        """Decode the value that comes next and go past it."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._index)
            except json.JSONDecodeError as error:
                if self._is_last or not self._may_be_cut_off(error):
                    raise self.error(error.msg, error.pos) from error
            except RecursionError as error:
                raise self.error("Lists or objects nested too deeply") from error
            except ValueError as error:  # a number of thousands of digits
                raise self.error(str(error)) from error
            else:
                # At the buffer's end a number may go on: 12 of 123, or of 12e+3 cut behind the +.
                if end + 2 < len(self._buffer) or self._is_last:
                    self._index = end
                    return value
            self._refill()

    def error(self, what: str, index: int | None = None) -> JsonError:
        """An error that names a place in the file, by default the current one."""
        index = self._index if index is None else index
        line, column = self._place(index)
        character = self._characters + index
        return JsonError(f"{what}: line {line + 1} column {column + 1} (char {character})")

    def _may_be_cut_off(self, error: json.JSONDecodeError) -> bool:
        """Whether more text may mend an error: it lies at the end, or a string has no end yet."""
        is_open_string = error.msg.startswith("Unterminated string")
        return is_open_string or error.pos >= len(self._buffer) - _LONGEST_WORD

    def _place(self, index: int) -> tuple[int, int]:
        """Line and column of a place in the buffer, from 0."""
        lines = self._buffer.count("\n", 0, index)
        if not lines:
            return self._line, self._column + index
        return self._line + lines, index - self._buffer.rindex("\n", 0, index) - 1

    def _refill(self) -> None:
        """Drop what was used and read on: at least as much as is kept, so long records are fast."""
        self._line, self._column = self._place(self._index)
        self._characters += self._index
        self._buffer, self._index = self._buffer[self._index :], 0
        chunk = self._file.read(max(CHUNK_BYTES, len(self._buffer)))
        self._is_last = not chunk
        waiting = len(self._decoder.getstate()[0])
        try:
            self._buffer += self._decoder.decode(chunk, final=self._is_last)
        except UnicodeDecodeError as error:
            place = self._bytes_read - waiting + error.start
            value = error.object[error.start]
            raise NotUtf8Error(f"byte {place} is 0x{value:02x}: {error.reason}") from error
        self._bytes_read += len(chunk)
