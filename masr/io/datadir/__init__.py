"""Kaldi data directories: opened, written, checked, fixed, split, subset, combined and summed up."""

from masr.io.datadir.directory import (
    DataDir,
    DataDirWriter,
    Table,
    clean_text,
    read_table,
    speakers,
    write_datadir,
    write_table,
)

__all__ = [
    "DataDir",
    "DataDirWriter",
    "Table",
    "clean_text",
    "read_table",
    "speakers",
    "write_datadir",
    "write_table",
]
