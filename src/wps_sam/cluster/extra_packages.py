"""Packages that only a cluster needs; they come with `pip install 'wps-sam[ray]'`."""

from importlib import import_module
from typing import Any

from wps_sam.errors import ConfigError


def cluster_package(name: str) -> Any:
    """Import a package that may be missing.

    Args:
        name: Such as `ray`, `ray.data`, `pyarrow` or `fsspec`.

    Returns:
        The module.

    Raises:
        ConfigError: It is not installed, or does not load.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"--ray needs the package {name}, which cannot be loaded ({error}). Install what it "
            "needs, on every machine of the cluster: pip install 'wps-sam[ray]'"
        ) from error
