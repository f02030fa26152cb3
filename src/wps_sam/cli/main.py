"""The `wps-sam` command: finds the verb, parses its arguments, prints errors in one line.

A verb's module is imported only when that verb is used, so that help comes quickly.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NamedTuple

from wps_sam.allocator import keep_freed_memory
from wps_sam.cli.printable import printable
from wps_sam.errors import WpsSamError

_LONGEST_MESSAGE = 2_000


class Verb(NamedTuple):
    """One thing the command can do: where its function is, and a line of help."""

    module: str
    function: str
    help: str


VERBS = {
    "demo": Verb("demo", "demo", "draw toy pictures, train on their boxes, show the result"),
    "train": Verb("train", "train", "learn part names and places from boxes or points"),
    "predict": Verb("predict", "predict", "cut photographs into named part masks"),
    "evaluate": Verb("evaluate", "evaluate", "score predictions against true masks"),
    "oracle": Verb("oracle", "oracle", "what the frozen SAM reaches when given the true boxes"),
    "embed": Verb("embed", "embed", "compute image features ahead of training"),
    "export": Verb("export", "export", "write a run as one file for ONNX Runtime or OpenVINO"),
    "bench": Verb("bench", "bench", "measure what predicting costs on this machine"),
    "data info": Verb("data_info", "data_info", "print what was understood of a data set"),
    "data check": Verb("data_check", "data_check", "look for mistakes in labels and images"),
    "data convert": Verb("data_convert", "data_convert", "write labels in another tool's format"),
    "data toy": Verb("data_toy", "data_toy", "draw a toy data set with exact masks"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name may hold what its encoding cannot say
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = " ".join(words[:2]) if words[:1] == ["data"] else " ".join(words[:1])
    if name in ("", "-h", "--help", "--version"):
        print(_version() if name == "--version" else _help())  # noqa: T201  # before rich loads
        return 0
    if name not in VERBS:
        print(f"wps-sam: {name[:80]!r} is not a verb.\n\n{_help()}", file=sys.stderr)  # noqa: T201  # as above
        return 2
    verb = VERBS[name]
    keep_freed_memory()
    from wps_sam.cli.parser import build_parser

    function = getattr(import_module(f"wps_sam.cli.{verb.module}"), verb.function)
    parser = build_parser(name, function)
    parsed = parser.parse_args(words[len(name.split()) :])
    parsed.pop("config", None)
    settings = parser.instantiate(parsed)
    try:
        return int(function(**settings.as_dict()))
    except WpsSamError as error:
        from rich.markup import escape

        from wps_sam.cli.console import error_console

        text = str(error)
        more = "..." if len(text) > _LONGEST_MESSAGE else ""  # whatever a file had in it
        message = escape(text[:_LONGEST_MESSAGE] + more)
        error_console.print(f"[bold red]error:[/] {message}", highlight=False, soft_wrap=True)
        return 1
    except OSError as error:
        where = str(error.filename or "a file")[:_LONGEST_MESSAGE]
        message = f"error: {where}: {error.strerror}. Check the path and the disk."
        print(printable(message), file=sys.stderr)  # noqa: T201  # must not fail on a full disk itself
        return 1
    except KeyboardInterrupt as stopped:
        print(": ".join(["stopped", *map(str, stopped.args)]), file=sys.stderr)  # noqa: T201  # rich may be mid-line
        return 130


def _version() -> str:
    from wps_sam import __version__

    return f"wps-sam {__version__}"


def _help() -> str:
    width = max(len(name) for name in VERBS)
    lines = [f"  {name:<{width}}  {verb.help}" for name, verb in VERBS.items()]
    return "\n".join(
        [
            "usage: wps-sam VERB ...",
            "",
            "Part boxes in, named part masks out.",
            "",
            *lines,
            "",
            "`wps-sam VERB --help` lists a verb's settings.",
        ]
    )
