"""Spec files as nobody should write them: any indent, comments anywhere, every kind of quote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from random import Random

SPEC = ("apiVersion", "kind", "metadata", "spec")
SCALARS = (
    "{n}word",
    "word{n} and more",
    "'single {n}'",
    '"double {n}"',
    '"needs: quotes {n}"',
    "'it''s {n}'",
    '"a \\"quoted\\" {n}"',
    '"{{{{ values.x{n} }}}}"',
    '"{n}"',
    '"yes"',
    "'on'",
    '"null"',
    "null",
    "~",
    "true",
    "1.0e-{n}",
    "0x{n}",
    "'2024-01-0{n}'",
    "&a{n} anchored{n}",
    "!!str {n}",
    "http://x/{n}#y",
    '"# no comment {n}"',
    "größe{n}",
)


@dataclass
class Scribe:
    """Writes one document by chance; `comments` counts those it wrote."""

    chance: Random
    comments: int = 0
    count: int = 0
    lines: list[str] = field(default_factory=list)

    def maybe(self, odds: float = 0.25) -> bool:
        return self.chance.random() < odds

    def comment(self) -> str:
        self.comments += 1
        gap = "" if self.maybe(0.2) else " "
        return f"#{gap}c{self.comments}"

    def side(self) -> str:
        if not self.maybe():
            return " " * self.chance.choice((0, 0, 0, 2))
        return " " * self.chance.choice((1, 2, 5)) + self.comment()

    def between(self, column: int) -> None:
        """Write blank lines and comments, of which some stand where one would not look."""
        while self.maybe(0.3):
            if self.maybe(0.5):
                self.lines.append(" " * self.chance.choice((0, 0, 3)))
            else:
                at = max(0, column + self.chance.choice((0, 0, 0, 0, -2, -1, 1, 2, 4)))
                self.lines.append(" " * at + self.comment())

    def number(self) -> int:
        self.count += 1
        return self.count

    def scalar(self) -> str:
        return self.chance.choice(SCALARS).format(n=self.number())

    def flow(self, depth: int, column: int) -> str:
        """Return a collection in brackets, on one line or on several."""
        is_list = self.maybe(0.5)
        parts = []
        for _ in range(self.chance.randrange(4)):
            inner = self.flow(depth - 1, column + 2) if depth and self.maybe(0.2) else ""
            value = inner or self.chance.choice(SCALARS[:12]).format(n=self.number())
            if value.startswith("http"):
                value = f'"{value}"'
            parts.append(value if is_list else f"{self.key()}: {value}")
        wide = self.maybe(0.3)
        pad = self.chance.choice(("", " "))

        def turn() -> str:
            if not wide:
                return pad
            comment = f" {self.comment()}" if self.maybe(0.4) else ""
            own = f"\n{' ' * (column + 3)}{self.comment()}" if self.maybe(0.2) else ""
            return f"{comment}{own}\n{' ' * (column + self.chance.choice((1, 2, 5)))}"

        text = "".join(f"{turn()}{part}{turn()}," for part in parts)
        text = text if self.maybe(0.4) else text.removesuffix(",")
        return f"{'[' if is_list else '{'}{text}{turn()}{']' if is_list else '}'}"

    def key(self) -> str:
        name = f"k{self.number()}"
        return self.chance.choice(
            (name, name, name, f'"{name}"', f"'{name} :'", f"&b{name} {name}")
        )

    def block_text(self, column: int) -> None:
        """Write a text behind `|` or `>`, of lines that could be taken for something else."""
        step = self.chance.choice((1, 2, 4))
        first = self.chance.choice((0, 0, 2))
        digit = str(step) if first else ""
        mark = self.chance.choice("|>") + digit + self.chance.choice(("", "-", "+"))
        self.lines[-1] += f" {mark}" + (f" {self.comment()}" if self.maybe() else "")
        indent = " " * (column + step)
        self.lines.append(f"{indent}{' ' * first}text {self.number()}  ")
        for _ in range(self.chance.randrange(4)):
            more = self.chance.choice(
                ("", "  ", f"{indent}# text", f"{indent}  - x: y", f"{indent}")
            )
            self.lines.append(more)

    def long_text(self, column: int) -> None:
        """Write a text of several lines, quoted or not."""
        quote = self.chance.choice(("", "'", '"'))
        self.lines[-1] += f" {quote}text {self.number()} "
        indent = " " * (column + self.chance.choice((1, 2, 4)))
        if self.maybe():
            self.lines.append(self.chance.choice(("", "   ")))
        if quote == '"' and self.maybe(0.5):
            self.lines[-1] += self.chance.choice(("\\", "\\ "))
        self.lines.append(f"{indent}goes on{quote}{self.side()}")

    def value(self, column: int, depth: int, *, listed: bool) -> None:
        """Write a value behind the key or dash that ends the last line."""
        kind = self.chance.random()
        if depth and kind < 0.35:
            self.opening(column)
            self.mapping(column + self.chance.choice((1, 2, 4)), depth - 1)
        elif depth and kind < 0.5:
            self.opening(column)
            step = self.chance.choice((1, 2, 4) if listed else (0, 0, 2, 3))
            self.list(column + step, depth - 1)
        elif kind < 0.58:
            self.block_text(column)
        elif kind < 0.66:
            self.long_text(column)
        elif kind < 0.78:
            self.lines[-1] += f" {self.flow(2, column)}{self.side()}"
            self.lines[-1:] = self.lines[-1].split("\n")
        elif kind < 0.84:
            self.lines[-1] += self.side()
        elif kind < 0.88:
            self.lines[-1] += self.side()
            self.between(column + 2)
            self.lines.append(" " * (column + 3) + self.scalar() + self.side())
        else:
            self.lines[-1] += f" {self.scalar()}{self.side()}"

    def opening(self, column: int) -> None:
        if self.maybe(0.15):
            self.lines[-1] += f" &o{self.number()}"
        self.lines[-1] += self.side()
        self.between(column + 2)

    def mapping(self, column: int, depth: int) -> None:
        for number in range(self.chance.randrange(1, 4)):
            if number:
                self.between(column)
            if self.maybe(0.05):
                self.lines.append(f"{' ' * column}? {self.key()}{self.side()}")
                self.lines.append(f"{' ' * column}:")
            else:
                self.lines.append(f"{' ' * column}{self.key()}:")
            self.value(column, depth, listed=False)

    def list(self, column: int, depth: int) -> None:
        for number in range(self.chance.randrange(1, 4)):
            if number:
                self.between(column)
            self.lines.append(f"{' ' * column}-")
            if depth and self.maybe(0.3):
                step = self.chance.choice((2, 3, 4))
                at = len(self.lines)
                self.mapping(column + step, depth - 1)
                dash = self.lines.pop(at - 1)
                self.lines[at - 1] = dash + self.lines[at - 1][len(dash) :]
            else:
                self.value(column, depth, listed=True)

    def spec(self, *, comments: bool) -> None:
        """Write a document with the keys of a spec in any order."""
        known = {
            "apiVersion": ["dpo-ops/v1", "'dpo-ops/v1'"],
            "kind": ["Deployment", '"Deployment"'],
            "metadata": ["{name: a}", "\n   name: a"],
        }
        body = [
            "minReplicaCount: 0",
            "maxReplicaCount: 1",
            "model: {dpoJob: t}",
            "displayName: 'd'",
        ]
        self.chance.shuffle(body)
        for name in self.chance.sample(SPEC, 4):
            if comments:
                self.between(0)
            if name == "spec":
                self.lines.append(f"spec:{self.side()}")
                self.lines += [f"    {line}{self.side()}" for line in body]
            else:
                text = self.chance.choice(known[name])
                self.lines += f"{name}: {text}{self.side()}".split("\n")

    def file(self, *, specs: bool) -> str:
        """Return a file of documents; of `specs`, or of anything at all."""
        for number in range(self.chance.randrange(1, 4)):
            self.between(0)
            if number or self.maybe(0.2):
                if self.maybe(0.1):
                    self.lines.append("...")
                self.lines.append(f"---{self.side()}")
                self.between(0)
            if specs:
                self.spec(comments=self.maybe(0.5))
            else:
                self.mapping(0, 3)
        self.between(0)
        ending = self.chance.choice(("\n", "\n", "\r\n", "\r"))
        return ending.join(self.lines) + (ending if self.maybe(0.8) else "")


def neighbours(text: str) -> list[tuple[str, str, str]]:
    """Return each comment with the text before it and the text behind it, as PyYAML reads them.

    PyYAML's own scanner in Python, which shares nothing with what the layout is made by.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found, done, before, open_ = [], 0, "", list[tuple[str, str]]()
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        gap = text[done : token.start_mark.index]
        open_ += [
            (line[line.index("#") :].rstrip(), before) for line in gap.split("\n") if "#" in line
        ]
        done = max(done, token.end_mark.index)
        if isinstance(token, yaml.ScalarToken | yaml.AliasToken | yaml.StreamEndToken):
            after = str(getattr(token, "value", ""))
            found += [(comment, said, after) for comment, said in open_]
            before, open_ = after, []
            if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
                head = text[token.start_mark.index :].partition("\n")[0]
                found += [(head[head.index("#") :].rstrip(), before, "")] if "#" in head else []
    return found
