"""Show what was found in a file inside a message: short, whatever it is."""

import reprlib

_LONGEST = 60


class _ShortRepr(reprlib.Repr):
    """Looks at no more of a value than is shown: anchors make endless values of a short file."""

    def __init__(self) -> None:
        """Set the limits."""
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = _LONGEST
        self.maxlevel = 3

    def repr_int(self, x: int, level: int) -> str:
        """A number of thousands of digits has no decimal form in Python."""
        del level
        return repr(x) if x.bit_length() <= 256 else f"a number of {x.bit_length()} bits"


_SHORT = _ShortRepr()


def quote(value: object) -> str:
    """A value as Python writes it, but short.

    Args:
        value: Anything read from a file.

    Returns:
        At most 63 characters; what was left out is "...".
    """
    return cut(_SHORT.repr(value), _LONGEST)


def cut(text: str, longest: int = _LONGEST) -> str:
    """A name or a sentence, but short.

    Args:
        text: Such as the name of a class.
        longest: Characters to keep.

    Returns:
        The text; its end is "..." if it was longer.
    """
    return text if len(text) <= longest else f"{text[:longest]}..."
