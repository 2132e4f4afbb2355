from qwenpick.api import estimate as estimate
from qwenpick.api import fit as fit
from qwenpick.api import plan as plan
from qwenpick.api import recommend as recommend
from qwenpick.errors import HardwareUnreadableError as HardwareUnreadableError
from qwenpick.errors import QwenpickError as QwenpickError

__all__ = ["HardwareUnreadableError", "QwenpickError", "__version__", "estimate", "fit", "plan", "recommend"]

__version__: str
