from qwenpick.api import estimate as estimate
from qwenpick.version import __version__ as __version__

__all__ = ["__version__", "estimate"]
