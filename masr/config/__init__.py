"""YAML 1.2 into frozen dataclasses and back: what every room asks of it."""

from masr.config.dump import Named, dump, to_dict
from masr.config.schema import choice, choices, defaults, keys, load, loads, option, required, seed_option, text_of

__all__ = ["Named", "choice", "choices", "defaults", "dump", "keys", "load", "loads", "option", "required"]
__all__ += ["seed_option", "text_of", "to_dict"]
