"""qwenpick: which Qwen model should run on this hardware, at which precision, in which runtime, and will it really fit?

The Python API is `estimate`, `fit`, `recommend` and `plan`, with the errors that they raise; it is imported on first use, so that `import qwenpick`
costs nothing (`__init__.pyi` has its types).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.2.0"  # as pyproject.toml says it too

_ERRORS = ("HardwareUnreadableError", "QwenpickError")
__all__ = ["HardwareUnreadableError", "QwenpickError", "__version__", "estimate", "fit", "plan", "recommend"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("qwenpick.errors" if name in _ERRORS else "qwenpick.api"), name)
    raise AttributeError(f"module 'qwenpick' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
