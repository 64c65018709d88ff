# ruff: noqa: PLC0415  -- the process that only starts others loads none of the libraries
"""Our trainer against a plain TRL script: the same figures, and what the care costs in time.

    python tests/bench/train_trl.py                       # a random model, a minute a run
    python tests/bench/train_trl.py --weights WEIGHTS --rows pairs.jsonl --epochs 3
    python tests/bench/train_trl.py --device-info         # and the device, and tokens a second

Each run is a process of its own; the two take turns. It fails when a step's loss or margin
differs by 1e-4 or more.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dpo_ops.trainers.contract import Training, metrics
from dpo_ops.trainers.trl import Trl
from dpo_ops.trainers.weights import locate

SAME = 1e-4
END = "<|end|>"


def plain(order: Path, figures: Path) -> None:
    """Train as one would without us, and write the logs of the steps."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from trl import DPOConfig, DPOTrainer

    said = json.loads(order.read_bytes())
    where = locate(said["weights"])
    cuda = torch.cuda.is_available()
    tokenizer = AutoTokenizer.from_pretrained(where.source, **where.arguments)
    options = {"quantization_config": GgufConfig(dequantize=True)} if where.gguf else {}
    model = AutoModelForCausalLM.from_pretrained(
        where.source, dtype=torch.bfloat16 if cuda else torch.float32, **where.arguments, **options
    )
    rows = [
        json.loads(line) for name in said["rows"] for line in Path(name).read_bytes().splitlines()
    ]
    dataset = Dataset.from_list(
        [
            {
                "prompt": row["input"]["messages"],
                "chosen": row["preferred_output"],
                "rejected": row["non_preferred_output"],
            }
            for row in rows
        ]
    )
    settings = said["settings"]
    trainer = DPOTrainer(
        model,
        args=DPOConfig(
            output_dir=str(figures.parent / "plain"),
            num_train_epochs=settings["epochs"],
            learning_rate=settings["learningRate"],
            per_device_train_batch_size=settings["batchSizeSamples"],
            weight_decay=0.01,
            lr_scheduler_type="constant",
            max_length=settings["maxContextLength"],
            beta=0.1,
            seed=said["seed"],
            bf16=cuda,
            gradient_checkpointing=cuda,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
        ),
        train_dataset=dataset,
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=8,
            lora_alpha=32,
            lora_dropout=0.0,
            target_modules=[f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")],
            task_type="CAUSAL_LM",
        ),
    )
    trainer.train()
    trainer.save_model(str(figures.parent / "plain" / "adapter"))
    figures.write_text(json.dumps([log for log in trainer.state.log_history if "loss" in log]))


def compared(ours: Path, figures: Path) -> tuple[float, float]:
    """Print each step's figures on both sides; return the largest differences."""
    losses, margins = [0.0], [0.0]
    for mine, theirs in zip(metrics(ours), json.loads(figures.read_text()), strict=True):
        losses.append(abs(mine.loss - theirs["loss"]))
        margins.append(abs(mine.margin - theirs["rewards/margins"]))
        print(
            f"step {mine.step:4}  loss {mine.loss:.6f} ({losses[-1]:.1e} apart)  "
            f"margin {mine.margin:+.6f} ({margins[-1]:.1e} apart)"
        )
    return max(losses), max(margins)


def children() -> float:
    """Return the CPU seconds of all processes that were started and are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def random_weights(folder: Path) -> str:
    """Make a Llama of random weights that takes about a minute for its training on two cores."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
    fast.chat_template = (
        "{% for message in messages %}{{ message.role }}: {{ message.content }}<|end|>"
        "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(fast),
            hidden_size=256,
            intermediate_size=704,
            num_hidden_layers=6,
            num_attention_heads=8,
            num_key_value_heads=4,
            eos_token_id=fast.eos_token_id,
            max_position_embeddings=1024,
        )
    ).save_pretrained(folder)
    return str(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights")
    parser.add_argument("--rows", type=Path, default=Path("examples/einstein/einstein_dpo.jsonl"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device-info", action="store_true")
    parser.add_argument("--plain", type=Path, nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.plain:
        plain(*said.plain)
        return 0
    top = Path(tempfile.mkdtemp(prefix="train-trl-"))
    weights = said.weights or random_weights(top / "weights")
    settings = {
        "epochs": said.epochs,
        "learningRate": 1e-4,
        "batchSizeSamples": said.batch,
        "maxContextLength": said.context,
    }
    times: dict[str, list[float]] = {"plain": [], "ours": []}
    worked: dict[str, list[float]] = {"plain": [], "ours": []}
    for turn in range(said.rounds):
        folder = top / str(turn)
        folder.mkdir()
        rows = (said.rows.resolve(),)
        training = Training(rows, weights, settings, {"method": "DPO"}, folder / "ours")
        order, figures = folder / "order.json", folder / "figures.json"
        order.write_text(json.dumps(training.to_json()))

        def theirs(order: Path = order, figures: Path = figures) -> None:
            with (order.parent / "plain.txt").open("wb") as log:
                command = [sys.executable, __file__, "--plain", str(order), str(figures)]
                subprocess.run(command, check=True, stdout=log, stderr=log)

        def mine(training: Training = training) -> None:
            Trl().train(training)

        turns = [("plain", theirs), ("ours", mine)]
        for name, train in turns if turn % 2 else reversed(turns):
            before, began = children(), time.perf_counter()
            train()
            times[name].append(time.perf_counter() - began)
            worked[name].append(children() - before)
            print(
                f"round {turn + 1}: {name} {times[name][-1]:.1f} s, "
                f"{worked[name][-1]:.1f} s of CPU",
                flush=True,
            )
    loss, margin = compared(folder / "ours", figures)
    steps = metrics(folder / "ours")
    print(f"{len(steps)} steps; largest difference of loss {loss:.1e}, of margin {margin:.1e}")
    for what, spent in (("time", times), ("CPU", worked)):
        ratios = [mine / plain for mine, plain in zip(spent["ours"], spent["plain"], strict=True)]
        said_ = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        print(f"{what}, ours / plain: {said_}; median {statistics.median(ratios):.3f}")
    if said.device_info:
        speed = statistics.median(step.tokens_per_s or 0.0 for step in steps)
        done = json.loads((folder / "ours" / "done.json").read_bytes())
        print(f"device {done['device']}; {speed:.0f} tokens/s; versions {done['versions']}")
    return 0 if max(loss, margin) < SAME else 1


if __name__ == "__main__":
    sys.exit(main())
