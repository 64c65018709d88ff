"""Make the tiny model from nothing: `python -m dpo_ops.trainers.tiny.make OUT`.

It writes what `from_pretrained` reads, and the model's card. The same seed gives the same text
and the same tokenizer; the weights are the same but for the rounding of another machine.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from dpo_ops.trainers.tiny.card import card
from dpo_ops.trainers.tiny.corpus import TEXT, Conversation, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAD: Final = "<|pad|>"
END: Final = "<|end|>"
ROLES: Final = ("system", "user", "assistant")
TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""A turn is its role's token, its text and the end token, so a prompt is a prefix of its answer."""


@dataclass(frozen=True)
class Recipe:
    """How the model is made. `batch` is in tokens, padding included."""

    seed: int = 7
    vocabulary: int = 1536
    hidden: int = 128
    layers: int = 4
    heads: int = 4
    inner: int = 384
    context: int = 512
    steps: int = 900
    batch: int = 1536
    learning_rate: float = 4e-3
    warmup: int = 100
    threads: int = 2
    held_out: int = 400


def main() -> None:
    """Read the arguments, make the model and write it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out", type=Path, help="the folder to write")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="optimizer steps")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--threads", type=int, default=Recipe.threads)
    said = parser.parse_args()
    make(said.out, Recipe(steps=said.steps, seed=said.seed, threads=said.threads))


def make(out: Path, recipe: Recipe) -> None:
    """Train the model as `recipe` says and write it to the folder `out`, card and all."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    corpus = load(TEXT)
    known = list(islice(corpus.conversations(recipe.seed), 20_000))
    tokenizer = learn_tokenizer(known, recipe.vocabulary)
    model = untrained(tokenizer, recipe)
    began = time.monotonic()
    tokens = learn(model, tokenizer, corpus.conversations(recipe.seed + 1), recipe)
    minutes = (time.monotonic() - began) / 60
    held_out = list(islice(corpus.conversations(recipe.seed + 2), recipe.held_out))
    write(out, model, tokenizer)
    longest = 1 + max(len(_encode(tokenizer, said)) for said in known)
    figures = {
        "parameters": model.num_parameters(),
        "tokens": tokens,
        "longest": longest,
        "minutes": minutes,
        "perplexity": perplexity(model, tokenizer, held_out),
    }
    (out / "README.md").write_text(card(recipe, figures), encoding="utf-8")


def learn_tokenizer(
    conversations: Sequence[Conversation], vocabulary: int
) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer: any text can be encoded and comes back as it was."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, *(f"<|{role}|>" for role in ROLES)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        (message["content"] for said in conversations for message in said), trainer
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=Recipe.context,
        chat_template=TEMPLATE,
    )


def untrained(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> LlamaForCausalLM:
    """Return a Llama of the recipe's size with random weights."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
        max_new_tokens=128,
    )
    return model


def learn(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    conversations: Iterator[Conversation],
    recipe: Recipe,
) -> int:
    """Train for the recipe's steps on text that never repeats; return the tokens seen."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.05
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, recipe))
    batches = _batches(tokenizer, conversations, recipe.batch)
    model.train()
    seen = 0
    for step, rows in enumerate(islice(batches, recipe.steps), 1):
        loss = _loss(model, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        seen += sum(map(len, rows))
        if step % 100 == 0:
            sys.stderr.write(f"step {step} of {recipe.steps}: loss {loss.item():.3f}\n")
    model.eval()
    return seen


def perplexity(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    conversations: Sequence[Conversation],
) -> float:
    """Return the perplexity per token over conversations that were not learned from."""
    total, count = 0.0, 0
    with torch.no_grad():
        for said in conversations:
            row = _encode(tokenizer, said)
            total += _loss(model, [row]).item() * (len(row) - 1)
            count += len(row) - 1
    return math.exp(total / count)


def write(out: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Write the weights in half precision, to be loaded and computed with in float32.

    Each file takes its name only once it is whole.
    """
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".tiny-", dir=out) as name:
        half = Path(name)
        model.half().save_pretrained(half)
        model.float()
        tokenizer.save_pretrained(half)
        path = half / "config.json"
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        config["dtype"] = "float32"
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        (half / "model.safetensors").chmod(0o644)  # written for its owner alone
        for file in half.iterdir():
            file.replace(out / file.name)


def _rate(step: int, recipe: Recipe) -> float:
    if step < recipe.warmup:
        return (step + 1) / recipe.warmup
    done = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def _batches(
    tokenizer: PreTrainedTokenizerFast, conversations: Iterator[Conversation], tokens: int
) -> Iterator[list[list[int]]]:
    # Rows of like length go together; the batches of one lot are dealt out in mixed order.
    order = torch.Generator().manual_seed(0)
    while True:
        rows = sorted((_encode(tokenizer, said) for said in islice(conversations, 1024)), key=len)
        lot: list[list[list[int]]] = [[]]
        for row in rows:
            if (len(lot[-1]) + 1) * len(row) > tokens:
                lot.append([])
            lot[-1].append(row)
        for index in torch.randperm(len(lot), generator=order).tolist():
            yield lot[index]


def _encode(tokenizer: PreTrainedTokenizerFast, said: Conversation) -> list[int]:
    row = tokenizer.apply_chat_template(said, return_dict=False)
    return list(row)


def _loss(model: LlamaForCausalLM, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
    kept = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows]).bool()
    # Padding stands on the right of causal attention: no token looks at it, none is learned.
    scores = model(input_ids=ids).logits[:, :-1]
    wanted = ids[:, 1:].masked_fill(~kept[:, 1:], -100)
    return torch.nn.functional.cross_entropy(scores.flatten(0, 1), wanted.flatten())


if __name__ == "__main__":
    main()
