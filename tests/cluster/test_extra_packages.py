"""Packages that may be missing."""

import json

import pytest

from wps_sam.cluster.extra_packages import cluster_package
from wps_sam.errors import ConfigError


def test_there() -> None:
    assert cluster_package("json") is json


def test_missing__says_what_to_install() -> None:
    expected = (
        r"--ray needs the package no_such_ray, .* every machine .*pip install 'wps-sam\[ray\]'"
    )
    with pytest.raises(ConfigError, match=expected):
        cluster_package("no_such_ray")
