"""Small random weights and adapters, made where a test needs them."""

import json
import warnings
from pathlib import Path
from typing import Any, Final

CONTEXT: Final = 512
SPECIAL: Final = ("<|begin|>", "<|end|>", "<|turn|>")
TEMPLATE: Final = (
    "{{ bos_token }}{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('no such role: ' + m.role) }}{% endif %}"
    "<|turn|>{{ m.role }}\n{{ m.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)
TARGETS: Final = ["q_proj", "v_proj", "down_proj"]


def make(folder: Path, *, hidden: int = 32, context: int = CONTEXT, seed: int = 0) -> Path:
    """Write a Llama of two layers with random weights; its tokens are bytes."""
    import torch  # noqa: PLC0415 - only where the extra is installed
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415 - the same

    tokenizer = _tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
        # Large enough for the next tokens to have rather different chances.
        initializer_range=0.3,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def adapt(weights: Path, folder: Path, *, rank: int = 4, seed: int = 1) -> Path:
    """Write an adapter on `weights` that changes their answers."""
    import torch  # noqa: PLC0415 - only where the extra is installed
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - the same
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - the same

    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.manual_seed(seed)
        base = AutoModelForCausalLM.from_pretrained(weights)
        config = LoraConfig(
            r=rank, lora_alpha=16, target_modules=TARGETS, task_type="CAUSAL_LM",
            init_lora_weights=False,
        )  # fmt: skip
        get_peft_model(base, config).save_pretrained(folder)
    return folder


def respelled(folder: Path, copy: Path, **fields: Any) -> Path:
    """Copy an adapter, with another configuration."""
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    config = json.loads((copy / "adapter_config.json").read_bytes())
    text = json.dumps({**config, **fields})
    (copy / "adapter_config.json").write_text(text, encoding="utf-8")
    return copy


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - only with the extra

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bare = Tokenizer(models.BPE(vocab={c: n for n, c in enumerate(letters)}, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    bare.add_special_tokens(list(SPECIAL))
    first = SPECIAL[0]
    bare.post_processor = processors.TemplateProcessing(
        single=f"{first} $A", special_tokens=[(first, bare.token_to_id(first))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bare,
        bos_token=first,
        eos_token=SPECIAL[1],
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
    )


# What transformers calls the parts of a layer, and what GGUF does.
_PARTS: Final = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip
_WHOLE: Final = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
}  # fmt: skip


def as_gguf(weights: Path, file: Path) -> Path:
    """Write the same weights as one GGUF file; one letter of its alphabet is spent on a merge."""
    from gguf import GGUFWriter  # noqa: PLC0415 - only where the extra is installed
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - the same

    model = AutoModelForCausalLM.from_pretrained(weights)
    config, tokenizer = model.config, AutoTokenizer.from_pretrained(weights)
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    tokens[150] = "Ġt"
    made = GGUFWriter(str(file), "llama")
    made.add_context_length(config.max_position_embeddings)
    made.add_embedding_length(config.hidden_size)
    made.add_feed_forward_length(config.intermediate_size)
    made.add_block_count(config.num_hidden_layers)
    made.add_head_count(config.num_attention_heads)
    made.add_head_count_kv(config.num_key_value_heads)
    made.add_layer_norm_rms_eps(config.rms_norm_eps)
    made.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    made.add_rope_freq_base(10_000.0)
    made.add_vocab_size(config.vocab_size)
    made.add_tokenizer_model("gpt2")
    made.add_token_list(tokens)
    made.add_token_types([1] * 256 + [3] * len(SPECIAL))
    made.add_token_merges(["Ġ t"])
    made.add_bos_token_id(tokenizer.bos_token_id)
    made.add_eos_token_id(tokenizer.eos_token_id)
    made.add_chat_template(TEMPLATE)
    for name, tensor in model.state_dict().items():
        made.add_tensor(_renamed(name), _reordered(name, tensor.numpy(), config))
    made.write_header_to_file()
    made.write_kv_data_to_file()
    made.write_tensors_to_file()
    made.close()
    return file


def _renamed(name: str) -> str:
    part = name.removesuffix(".weight")
    if part in _WHOLE:
        return f"{_WHOLE[part]}.weight"
    _, _, layer, part = part.split(".", 3)
    return f"blk.{layer}.{_PARTS[part]}.weight"


def _reordered(name: str, value: Any, config: Any) -> Any:
    """GGUF has the two halves that a rotation turns together side by side."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    count = heads.get(name.split(".")[-2])
    if count is None:
        return value
    size, rest = value.shape
    return value.reshape(count, 2, size // count // 2, rest).swapaxes(1, 2).reshape(value.shape)
