"""The version of qwenpick, as pyproject.toml says it too."""

__version__ = "0.2.0"
