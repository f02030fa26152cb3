"""Packages that may be missing."""

import json

import pytest

from wps_sam.errors import ConfigError
from wps_sam.extra_packages import EXPORT, RAY, Extra, extra_package


def test_there() -> None:
    assert extra_package("json", EXPORT) is json


@pytest.mark.parametrize(
    ("extra", "begin", "end"),
    [
        (
            EXPORT,
            "Export needs the package no_such_package, which cannot be loaded (",
            "). Install what export needs: pip install 'wps-sam[export]'",
        ),
        (
            RAY,
            "--ray needs the package no_such_package, which cannot be loaded (",
            "). Install what it needs, on every machine of the cluster: pip install 'wps-sam[ray]'",
        ),
    ],
    ids=["export", "ray"],
)
def test_missing__says_what_to_install(extra: Extra, begin: str, end: str) -> None:
    with pytest.raises(ConfigError) as error:
        extra_package("no_such_package", extra)
    assert str(error.value).startswith(begin)
    assert str(error.value).endswith(end)
