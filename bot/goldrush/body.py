"""Collects the body of an answer piece by piece, decompressed, and never more of it than a bound."""

import zlib

from bot.ports.pipeline_api import Malformed

LONGEST_BODY = 1024 * 1024  # bytes after decompression; a page of 50 pipelines with their SQL and ABI is far below
GZIP = 16 + zlib.MAX_WBITS


class Body:
    """`feed` what comes, then take `whole()`.

    The library's own decoder inflates each piece whole before anybody can count (64 KiB of gzip may be 64 MiB), so this
    one asks zlib for no more than still fits.

    Raises:
        Malformed: more than `LONGEST_BODY` bytes, an encoding nobody asked for, or broken or unfinished gzip.
    """

    def __init__(self, content_encoding: str) -> None:
        encoding = content_encoding.strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise Malformed("GoldRush's answer is compressed in a way that was not asked for.")
        self._inflate = zlib.decompressobj(GZIP) if encoding.endswith("gzip") else None
        self._collected = bytearray()

    def feed(self, piece: bytes) -> None:
        if self._inflate:
            try:
                piece = self._inflate.decompress(piece, LONGEST_BODY + 1 - len(self._collected))
            except zlib.error as exc:
                raise Malformed("GoldRush's answer is broken gzip.") from exc
        self._collected += piece
        if len(self._collected) > LONGEST_BODY:
            raise Malformed(f"GoldRush's answer is longer than {LONGEST_BODY} bytes, so it was not read to its end.")

    def whole(self) -> bytes:
        if self._inflate and self._collected and not self._inflate.eof:
            raise Malformed("GoldRush's answer is gzip that ends too early.")
        return bytes(self._collected)
