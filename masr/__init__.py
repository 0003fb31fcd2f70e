"""Speech representation learning that knows its metadata: MASR, Ask2Mask and what a representation holds."""

__version__ = "0.1.0"
