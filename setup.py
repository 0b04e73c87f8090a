"""For tools that know no pyproject.toml, where everything is said."""

from setuptools import setup

setup()
