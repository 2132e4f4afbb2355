from qwenpick.api import estimate as estimate
from qwenpick.api import fit as fit
from qwenpick.api import plan as plan
from qwenpick.api import recommend as recommend

__all__ = ["__version__", "estimate", "fit", "plan", "recommend"]

__version__: str
