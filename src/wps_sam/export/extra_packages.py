"""Packages that only export needs; they come with `pip install 'wps-sam[export]'`."""

from importlib import import_module
from typing import Any

from wps_sam.errors import ConfigError


def extra_package(name: str) -> Any:
    """Import a package that may be missing.

    Args:
        name: `onnx`, `onnxscript`, `onnxruntime`, `openvino` or `nncf`.

    Returns:
        The module.

    Raises:
        ConfigError: It is not installed, or does not load.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"Export needs the package {name}, which cannot be loaded ({error}). Install what "
            "export needs: pip install 'wps-sam[export]'"
        ) from error
