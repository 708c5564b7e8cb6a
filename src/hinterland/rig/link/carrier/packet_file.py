"""Reads the packets that a link's forwarder wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hinterland.errors import InternalError
from hinterland.model.packets import PacketLog
from hinterland.rig.link.carrier.recorder import COLUMNS, MAGIC

_TYPES = {"h": np.int16, "q": np.int64, "i": np.int32, "b": np.int8}


def read_packets(path: Path) -> PacketLog:
    """Returns the log in the order of entry, a copy after the packet that it copies.

    Raises InternalError for a file that is cut short or something else: only the forwarder writes these.
    """
    data = path.read_bytes()
    line, _, body = data.partition(b"\n")
    try:
        header = json.loads(line)
        count = int(header["packets"])
        if header["magic"] != MAGIC:
            raise ValueError(f"its first line begins with {header['magic']!r}")
        columns, at = {}, 0
        for name, code in COLUMNS:
            columns[name] = np.frombuffer(body, _TYPES[code], count, at)
            at += columns[name].nbytes
        width = int(header["head_bytes"])
        head = np.frombuffer(body, np.uint8, count * width, at).reshape(count, width)
    except (ValueError, KeyError, TypeError) as error:
        raise InternalError(
            f"{path} is not a whole packet log: {error}.", "Report this, with the command that you ran."
        ) from error
    order = np.argsort(columns["sent_ns"], kind="stable")
    kept = {name: column[order] for name, column in columns.items()}
    kept["duplicate"] = kept["duplicate"].astype(np.bool_)
    return PacketLog(hosts=tuple(header["hosts"]), head=head[order], left_out=int(header["left_out"]), **kept)
