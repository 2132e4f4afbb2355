"""qwenpick: which Qwen model should run on this hardware, at which precision, in which runtime, and will it really fit?

The Python API is `estimate`; it is imported on first use, so that `import qwenpick` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwenpick.api import estimate

__version__ = "0.1.0"
__all__ = ["__version__", "estimate"]


def __getattr__(name: str) -> Any:
    if name == "estimate":
        from qwenpick.api import estimate

        return estimate
    raise AttributeError(f"module 'qwenpick' has no attribute {name!r}")
