"""Builds a verb's argument parser from the signature and docstring of its function."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from docstring_parser import parse as parse_docstring
from jsonargparse import ArgumentParser


def build_parser(verb: str, function: Callable[..., int]) -> ArgumentParser:
    """Make a parser: parameters without default become positional unless keyword-only.

    Lists take several words (`--format coco overlay`) and booleans are plain switches
    (`--resume`); everything else is jsonargparse's. `--config FILE` reads the same names from
    YAML, and a name that does not exist is an error.
    """
    docs = parse_docstring(function.__doc__ or "")
    parser = _VerbParser(prog=f"wps-sam {verb}", description=docs.short_description)
    parser.add_argument("--config", action="config", help="YAML file with any of these settings")
    parameters = inspect.signature(function).parameters
    special = {n: p for n, p in parameters.items() if p.annotation in (bool, list[str])}
    help_of = {param.arg_name: param.description for param in docs.params}
    first = list(parameters)[:1]
    # Positional arguments are read in the order in which they are added.
    _add(parser, [special[name] for name in first if name in special], help_of)
    parser.add_function_arguments(function, as_group=False, as_positional=True, skip=set(special))
    _add(parser, [special[name] for name in special if name not in first], help_of)
    _accept_dashes(parser)
    return parser


class _VerbParser(ArgumentParser):
    """A parser that finds positional arguments on both sides of an option.

    argparse hands out the words before an option at once, so that in `A B --holdout 5 DATA` it
    takes B for the data and does not know what to do with DATA.
    """

    def parse_args(  # type: ignore[override]  # jsonargparse's own options are not used
        self, args: Sequence[str] | None = None, namespace: Any = None, **more: Any
    ) -> Any:
        words = None if args is None else _positionals_first(self, args)
        return super().parse_args(words, namespace, **more)


def _positionals_first(parser: ArgumentParser, words: Sequence[str]) -> list[str]:
    """Move options behind the positional words; unchanged where an option is not understood."""
    positional: list[str] = []
    options: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            positional.append(word)
            continue
        options.append(word)
        flag, equals, _ = word.partition("=")
        nargs = getattr(parser._option_string_actions.get(flag), "nargs", "unknown")
        if nargs not in (None, 0, "+"):
            return list(words)
        values = 0 if equals or nargs == 0 else 1 if nargs is None else len(rest)
        while values and rest and not rest[0].startswith("-"):
            options.append(rest.pop(0))
            values -= 1
    return positional + options


def _add(
    parser: ArgumentParser,
    parameters: list[inspect.Parameter],
    help_of: Mapping[str, str | None],
) -> None:
    """Add lists and switches, which jsonargparse would spell differently."""
    for parameter in parameters:
        text = help_of.get(parameter.name)
        parser.add_argument(*_flags(parameter), **_options(parameter), help=text)


def _accept_dashes(parser: ArgumentParser) -> None:
    """Offer `--score-threshold` for the parameter `score_threshold`; the underscore works too."""
    for action in parser._actions:  # argparse has no public way to list options
        dashed = [flag for flag in action.option_strings if "_" in flag]
        for flag in dashed:
            parser._option_string_actions[flag.replace("_", "-")] = action
        action.option_strings = [flag.replace("_", "-") for flag in action.option_strings]


def _flags(parameter: inspect.Parameter) -> list[str]:
    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
        return [f"--{parameter.name}"]
    return [parameter.name]


def _options(parameter: inspect.Parameter) -> dict[str, Any]:
    if parameter.annotation is bool:
        return {"action": "store_true"}
    if parameter.default is inspect.Parameter.empty:
        return {"nargs": "+", "type": str}
    return {"nargs": "+", "type": str, "default": list(parameter.default)}
