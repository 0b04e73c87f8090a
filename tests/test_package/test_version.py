"""The version that users see."""

from importlib import metadata

import pytest
from packaging.version import Version

import deft_mm
from deft_mm.version import __version__


def test_package_exposes_its_version():
    assert deft_mm.__version__ == __version__


def test_version_is_a_release_number():
    assert len(Version(__version__).release) == 3


def test_installed_metadata_has_the_version_of_the_code():
    try:
        installed = metadata.version('deft_mm')
    except metadata.PackageNotFoundError:
        pytest.skip('deft_mm is not installed here')
    assert installed == __version__
