"""Writes a tiny llama with random weights and serves it with llama.cpp's own HTTP server until it is killed.

    python tests/servers/llama_server.py MODEL.gguf [--context 16384]

Not a language model but a random one: under a JSON schema its replies are valid and their content means nothing. Half a
megabyte, nothing downloaded. Prints the base URL when it serves.
"""

from __future__ import annotations

import argparse
import socket
import threading
from pathlib import Path

import gguf
import numpy as np

WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128
CONTEXT = 4096
"""In tokens, which are characters here: a whole debate about a long item needs some 16,000."""
SLOTS = 4
QUOTE_BIAS = 0.35
"""Towards the quotation mark, so that strings end early."""
NEVER = -6.0
"""For raw bytes and control tokens."""
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def vocabulary() -> tuple[list[bytes], list[int], list[float]]:
    """A byte-level vocabulary with printable ASCII as single characters; the tokens, their types, their output bias."""
    characters = ["\u2581", *map(chr, range(33, 127))]
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL, *[gguf.TokenType.BYTE] * 256]
    biases = [NEVER] * len(tokens)
    biases[2] = -0.6  # the end of the text must stay possible
    tokens += [character.encode() for character in characters]
    kinds += [gguf.TokenType.NORMAL] * len(characters)
    biases += [QUOTE_BIAS if character == '"' else 0.0 for character in characters]
    return tokens, kinds, biases


def write_model(path: Path, seed: int = 0, context: int = CONTEXT) -> None:
    """A llama of random weights. Dimension 0 of the hidden state is a constant, which makes the output biases work."""
    tokens, kinds, biases = vocabulary()
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name("random-judge")
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    _add_weights(writer, np.random.default_rng(seed), len(tokens), biases)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_weights(writer: gguf.GGUFWriter, rng: np.random.Generator, tokens: int, biases: list[float]) -> None:
    def draw(*shape: int, sd: float) -> np.ndarray:
        return rng.normal(0, sd, shape).astype(np.float32)

    embedding, output = draw(tokens, WIDTH, sd=1.0), draw(tokens, WIDTH, sd=0.08)
    embedding[:, 0], output[:, 0] = 8.0, biases
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    writer.add_tensor("output.weight", output)
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", np.ones(WIDTH, np.float32))
        for name in ("attn_q", "attn_k", "attn_v"):
            writer.add_tensor(f"{block}{name}.weight", draw(WIDTH, WIDTH, sd=0.2))
        attention, down = draw(WIDTH, WIDTH, sd=0.2), draw(WIDTH, INNER, sd=0.2)
        attention[0], down[0] = 0, 0
        writer.add_tensor(f"{block}attn_output.weight", attention)
        writer.add_tensor(f"{block}ffn_gate.weight", draw(INNER, WIDTH, sd=0.2))
        writer.add_tensor(f"{block}ffn_up.weight", draw(INNER, WIDTH, sd=0.2))
        writer.add_tensor(f"{block}ffn_down.weight", down)


def serve(model: Path, context: int = CONTEXT) -> None:
    import xllamacpp

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.hostnames, parameters.port = ["127.0.0.1"], port
    parameters.n_parallel, parameters.n_ctx = SLOTS, context * SLOTS
    parameters.use_jinja, parameters.warmup, parameters.cache_ram_mib = True, False, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.cpuparams.poll = 0
    server = xllamacpp.Server(parameters)
    print(f"{server.listening_address}/v1", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("model", type=Path)
    arguments.add_argument("--context", type=int, default=CONTEXT)
    asked = arguments.parse_args()
    write_model(asked.model, context=asked.context)
    serve(asked.model, asked.context)
