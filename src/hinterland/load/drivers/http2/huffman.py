"""The Huffman code of HTTP header strings (RFC 7541, section 5.2 and appendix B), read only.

The code is canonical: symbols of one length follow one another in order, and each longer length goes on where
the shorter one ended. So the lengths alone are the code.
"""

from __future__ import annotations

from functools import lru_cache

END_OF_STRING = 256
LONGEST_PADDING_BITS = 7

_LENGTHS = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c"
    "060a0a0c0d06080b0a0a080b080606060505050606060606060607080f060c0a"
    "0d06070707070707070707070707070707070707070707070807080d130d0e06"
    "0f05060506050606060507070606060506070605050607070707070f0b0e0d1c"
    "1416141416161617161717171717181718181617181717171715161716171718"
    "1615141616171715171616181516171715151615171617171416161617161617"
    "1a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b"
    "14181415161515171616191918181a171a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a"
    "1e"
)
"""How many bits the code of each octet has, and last that of the end of the string."""


def _codes() -> dict[int, int]:
    """Returns the symbol of each code, the code with a 1 in front of it to keep its leading zeros."""
    found: dict[int, int] = {}
    code, length = 0, min(_LENGTHS)
    for symbol in sorted(range(len(_LENGTHS)), key=lambda symbol: (_LENGTHS[symbol], symbol)):
        code <<= _LENGTHS[symbol] - length
        length = _LENGTHS[symbol]
        found[1 << length | code] = symbol
        code += 1
    return found


_SYMBOLS = _codes()


@lru_cache(maxsize=1 << 16)
def _step(code: int, octet: int) -> tuple[bytes, int]:
    """Returns the symbols that an octet completes, and the bits of the next, behind those of `code`."""
    out = bytearray()
    for place in range(7, -1, -1):
        code = code << 1 | octet >> place & 1
        symbol = _SYMBOLS.get(code)
        if symbol is not None:
            if symbol == END_OF_STRING:
                raise ValueError("the end of a string in the middle of it")
            out.append(symbol)
            code = 1
    return bytes(out), code


def decode(data: bytes) -> bytes:
    """Returns the octets of a coded string. Raises ValueError where it is none: a bad code or padding."""
    out = bytearray()
    code = 1
    for octet in data:
        symbols, code = _step(code, octet)
        out += symbols
    padding = code.bit_length() - 1
    # Padding is the beginning of the code of the end, which is all ones.
    if padding > LONGEST_PADDING_BITS or code != (1 << padding + 1) - 1:
        raise ValueError("bad padding of a string")
    return bytes(out)
