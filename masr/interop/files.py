"""Opens the plug-in files that an exported model is made of; a folder with remote code has a file of its own here."""

from masr.plugins import open_plugin

__all__ = ["open_plugin"]
