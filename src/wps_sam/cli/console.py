"""Where the command line prints."""

from typing import Any

from rich.console import Console
from rich.text import Text

from wps_sam.cli.printable import printable


class SafeConsole(Console):
    """A console that shows control characters, also in tables, instead of sending them."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make text of a string, as rich does with every string that is printed."""
        return super().render_str(printable(text), **options)


console = SafeConsole()
error_console = SafeConsole(stderr=True)
