"""qwenpick: which Qwen model should run on this hardware, at which precision, in which runtime, and will it really fit?"""

__version__ = "0.1.0"
