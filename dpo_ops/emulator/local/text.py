"""Tokens as text, as they come: whole characters only, and nothing of a stop sequence."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from dpo_ops.emulator.engine import Token

_UNKNOWN: Final = "\ufffd"
# A character has 4 bytes at most, so the tokens before these can't change any more.
_WINDOW: Final = 8


class Pieces:
    """Decodes token after token. Bytes of an unfinished character are held until it is whole.

    `decode` is a tokenizer's; it shows bytes that are no character as U+FFFD.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._given = 0

    def push(self, token: int) -> str:
        """Return the text that one more token adds; it may be empty."""
        self._ids.append(token)
        text = _whole(self._decode(self._ids))
        piece = text[self._given :]
        self._ids = self._ids[-_WINDOW:]
        self._given = len(_whole(self._decode(self._ids)))
        return piece

    def rest(self) -> str:
        """Return what was held, at the end of the text."""
        return self._decode(self._ids)[self._given :]


def _whole(text: str) -> str:
    """The text without an unfinished character at its end, which reads as one U+FFFD."""
    return text.removesuffix(_UNKNOWN)


class Stops:
    """Lets tokens through until their text contains one of `stops`.

    Tokens whose text may yet turn out to begin a stop sequence are held. Those of the
    sequence itself come too, with empty text: they were made, and count.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(s for s in stops if s)
        self._held: list[Token] = []
        self.over = False

    def push(self, token: Token) -> list[Token]:
        """Return the tokens that may be shown, now that `token` is here."""
        self._held.append(token)
        text = "".join(t.text for t in self._held)
        cut = min((text.find(s) for s in self._stops if s in text), default=None)
        if cut is not None:
            self.over = True
            return _cut(self._held, cut)
        if token.finish:
            self.over = True
            return self._held
        return self._release(len(text) - self._begun(text))

    def _begun(self, text: str) -> int:
        """How many characters at the end of `text` could be the beginning of a stop sequence."""
        longest = max(map(len, self._stops), default=1) - 1
        for size in range(min(longest, len(text)), 0, -1):
            if any(s.startswith(text[-size:]) for s in self._stops):
                return size
        return 0

    def _release(self, safe: int) -> list[Token]:
        end = count = 0
        for token in self._held:
            end += len(token.text)
            if end > safe:
                break
            count += 1
        released, self._held = self._held[:count], self._held[count:]
        return released


def _cut(tokens: Sequence[Token], size: int) -> list[Token]:
    kept = []
    for token in tokens:
        kept.append(replace(token, text=token.text[:size], finish=None))
        size = max(0, size - len(token.text))
    kept[-1] = replace(kept[-1], finish="stop")
    return kept
