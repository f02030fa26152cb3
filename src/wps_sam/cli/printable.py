"""Make text from files safe to show in a terminal."""

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
del _CONTROLS[ord("\n")]
_HALVES = {code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)}  # of surrogate pairs
_SHOWN_AS = _CONTROLS | _HALVES


def printable(text: str) -> str:
    r"""Escape what a terminal would obey instead of showing.

    Args:
        text: May hold names from label files, such as a class called `wheel` and a colour code.

    Returns:
        The text with control characters (C0 and C1, except for the end of a line) as \x1b, and
        half characters, which no encoding can say, as \ud800.
    """
    return text.translate(_SHOWN_AS)
