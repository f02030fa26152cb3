"""Where the command line prints."""

from rich.console import Console

console = Console()
error_console = Console(stderr=True)
