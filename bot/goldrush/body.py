"""Collects and decompresses the body of an answer piece by piece, up to a limit."""

import zlib

from bot.ports.pipeline_api import Malformed, TooLarge

LONGEST_BODY = 1024 * 1024  # bytes after decompression; 50 pipelines with their SQL and ABI need far less
GZIP = 16 + zlib.MAX_WBITS


class ResponseBody:
    """The body of one answer. `feed` it every piece, then take `whole()`.

    The library's own decoder inflates each piece before anyone can count: 64 KiB of gzip may become 64 MiB. So this
    class asks zlib for no more bytes than still fit.

    Raises:
        TooLarge: more than `LONGEST_BODY` bytes.
        Malformed: an encoding that the bot did not accept, or broken or truncated gzip.
    """

    def __init__(self, content_encoding: str) -> None:
        encoding = content_encoding.strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise Malformed("GoldRush's answer uses a compression that I didn't ask for.")
        self._inflate = zlib.decompressobj(GZIP) if encoding.endswith("gzip") else None
        self._collected = bytearray()

    def feed(self, piece: bytes) -> None:
        """Adds the next piece, as it came over the network."""
        if self._inflate:
            try:
                piece = self._inflate.decompress(piece, LONGEST_BODY + 1 - len(self._collected))
            except zlib.error as exc:
                raise Malformed("GoldRush's answer is broken gzip.") from exc
        self._collected += piece
        if len(self._collected) > LONGEST_BODY:
            raise TooLarge(f"GoldRush's answer is longer than {LONGEST_BODY} bytes, so I stopped reading it.")

    def whole(self) -> bytes:
        """The decompressed body, after the last piece."""
        if self._inflate and self._collected and not self._inflate.eof:
            raise Malformed("GoldRush's answer is gzip that ends too early.")
        return bytes(self._collected)
