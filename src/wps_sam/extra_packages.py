"""Packages that only some commands need, and that may be missing."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from wps_sam.errors import ConfigError


@dataclass(frozen=True)
class Extra:
    """Packages that come with `pip install 'wps-sam[<name>]'`.

    Attributes:
        name: Of the extra in pyproject.toml.
        needed_by: What needs them, as the beginning of a sentence.
        advice: What to do if one is missing, before the command.
    """

    name: str
    needed_by: str
    advice: str


EXPORT = Extra("export", "Export", "Install what export needs")
ENCODER = Extra("export", "--encoder openvino-bf16", "Leave --encoder out, or")
RAY = Extra("ray", "--ray", "Install what it needs, on every machine of the cluster")


def extra_package(name: str, extra: Extra) -> Any:
    """Import a package that may be missing.

    Args:
        name: A package or a module in one, such as `onnx` or `ray.data`.
        extra: What it belongs to, for the message.

    Returns:
        The module.

    Raises:
        ConfigError: It is not installed, or does not load.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{extra.needed_by} needs the package {name}, which cannot be loaded ({error}). "
            f"{extra.advice}: pip install 'wps-sam[{extra.name}]'"
        ) from error
