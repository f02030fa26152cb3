"""Packages that may be missing."""

import json

import pytest

from wps_sam.errors import ConfigError
from wps_sam.export.extra_packages import extra_package


def test_there() -> None:
    assert extra_package("json") is json


def test_missing__says_what_to_install() -> None:
    with pytest.raises(ConfigError, match=r"package no_such_runtime, .*pip install 'wps-sam\[exp"):
        extra_package("no_such_runtime")
