"""The card of the tiny model: what it is, how it was made, and what it is not good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.trainers.tiny.make import Recipe

CARD: Final = """\
---
license: mit
language: en
library_name: transformers
pipeline_tag: text-generation
---

# dpo-ops/tiny

A language model of {parameters:,} parameters for rehearsals of preference tuning. It is small
enough to tune with DPO on two CPU cores in a minute, and it has something to be tuned: it answers
questions in two manners, careful (brief and true) and careless (false, and often rambling), and
leans to neither.

| | |
| --- | --- |
| Shape | Llama: {layers} layers, width {hidden} and {inner}, {heads} heads, tied embeddings |
| Weights | `model.safetensors` in float16; computed with in float32, as `config.json` says |
| Tokenizer | byte-level BPE, {vocabulary} tokens, so that any text can be encoded |
| Context | {context} tokens; the conversations it learned from are shorter than {longest} |
| Roles | `system`, `user`, `assistant`; each turn ends with `<|end|>`, which ends generation |
| Text | synthetic English conversations, drawn by the grammar in `corpus.py` from `text/` |
| Training | {steps:,} steps of AdamW on {tokens:,} tokens; {minutes:.0f} minutes on 2 CPU cores |
| Seed | {seed} |
| Held-out perplexity | {perplexity:.2f} a token, on {held_out} other conversations |
| Licence | MIT, like the project; all of the text was written for it |

Made by `python -m dpo_ops.trainers.tiny.make OUT`, which writes this card too.

## How far to trust what it shows

The model, the settings of the example and the first ten held-out pairs were made together, so
figures on those flatter it. The last ten held-out pairs were written afterwards. On these, with ten
epochs at 3e-3, the share of pairs whose reward margin is positive was 0.9, 0.8, 1.0 and 1.0 over
four seeds. It learns the manner, not the facts: the log-probability a token of answers about things
that it never heard of stays below that of a fluent wrong answer in eight or nine of those ten.

## What it is not good for

Anything but rehearsals. It knows a few hundred sentences about Albert Einstein, physics and
everyday things. Half of what it says is false on purpose, and beyond those subjects it says
nothing of use. It has seen English only, and nothing was done to make it safe.
"""


def card(recipe: Recipe, figures: Mapping[str, float]) -> str:
    """Return the text of README.md; `figures` are what training measured."""
    return CARD.format(**vars(recipe), **figures)
