"""The peers of `benchmarks.train`: nanoGPT's model and training step, transformers' own Trainer.

Their code is not part of this project: nanoGPT is a checkout that the caller names, transformers
an installation with accelerate. Both run with the settings of our contender.
"""

import math
import sys
from typing import Any

import numpy as np
import torch

LEARNING_RATE, BETAS, DECAY, CLIP = 1e-3, (0.9, 0.95), 0.1, 1.0
"""Of AdamW, and the norm to which gradients are clipped: the same for all."""


def nanogpt(order: Any, control: Any, *, compiled: bool) -> None:
    """The model of nanoGPT in a plain loop like that of its train.py."""
    sys.path.insert(0, str(order.nanogpt))
    from model import GPT, GPTConfig  # nanoGPT's model.py

    torch.set_num_threads(order.threads)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    shape, cuda = order.shape, order.device == "cuda"
    model = GPT(
        GPTConfig(
            block_size=shape.context_length,
            # As its train.py does, which rounds GPT-2's vocabulary up.
            vocab_size=50304 if shape.vocab_size == 50257 else shape.vocab_size,
            n_layer=shape.n_layer,
            n_head=shape.n_head,
            n_embd=shape.n_embd,
            dropout=0.0,
            bias=True,
        )
    ).to(order.device)
    optimiser = model.configure_optimizers(DECAY, LEARNING_RATE, BETAS, order.device)
    run = torch.compile(model) if compiled else model
    generator = torch.Generator().manual_seed(0)
    length = shape.context_length

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        data = np.memmap(order.tokens, dtype=np.uint16, mode="r")
        starts = torch.randint(len(data) - length, (order.micro,), generator=generator).tolist()
        x, y = (
            torch.stack(
                [torch.from_numpy(data[i + k : i + k + length].astype(np.int64)) for i in starts]
            )
            for k in (0, 1)
        )
        if cuda:
            x, y = (t.pin_memory().to("cuda", non_blocking=True) for t in (x, y))
        return x, y

    accumulate = order.batch // order.micro
    loss = torch.zeros(())
    last = [loss]
    x, y = batch()
    while control.next_step(lambda: last[0].item()):
        for _ in range(accumulate):
            with torch.autocast(order.device, torch.bfloat16, enabled=cuda):
                _, loss = run(x, y)
                loss = loss / accumulate
            x, y = batch()
            loss.backward()
        last[:] = [loss.detach() * accumulate]
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def transformers(order: Any, control: Any) -> None:
    """GPT2LMHeadModel under transformers' Trainer, with Trainer's own defaults."""
    import tempfile

    from transformers import (
        GPT2Config,
        GPT2LMHeadModel,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    torch.set_num_threads(order.threads)
    shape = order.shape
    length = shape.context_length
    ids = np.fromfile(order.tokens, dtype="<u2")
    windows = torch.from_numpy(ids[: ids.size // length * length].astype(np.int64))
    rows: Any = [{"input_ids": row, "labels": row} for row in windows.view(-1, length)]
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=shape.vocab_size,
            n_positions=length,
            n_embd=shape.n_embd,
            n_layer=shape.n_layer,
            n_head=shape.n_head,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            use_cache=False,
        )
    )

    next_step = control.next_step

    class Steps(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if not next_step(lambda: math.nan):
                sys.exit(0)

    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                max_steps=10**6,
                per_device_train_batch_size=order.micro,
                gradient_accumulation_steps=order.batch // order.micro,
                learning_rate=LEARNING_RATE,
                adam_beta1=BETAS[0],
                adam_beta2=BETAS[1],
                weight_decay=DECAY,
                max_grad_norm=CLIP,
                use_cpu=order.device == "cpu",
                bf16=order.device == "cuda",
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=rows,
            callbacks=[Steps()],
        ).train()
