"""Section `parity`: logits, loss and gradients on this device against transformers' GPT-2."""

from importlib.util import find_spec
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.gpu_check.child import Findings
from benchmarks.gpu_check.settings import Settings
from gptpath.model.build import LanguageModel, build_model
from gptpath.model.device import autocast, configure
from gptpath.model.interop import from_gpt2, to_gpt2
from gptpath.model.loss import next_token_loss

LOGITS_FLOAT32, GRADIENTS_FLOAT32 = 1e-5, 1e-4
LOGITS_BFLOAT16, LOSS_BFLOAT16 = 2e-2, 1e-2
"""Largest differences, relative to the norm of what is compared with; bfloat16 has 8 bits."""


def run(settings: Settings, findings: Findings, item: str) -> None:
    if not find_spec("transformers"):
        findings.skip("transformers is not installed")
        return
    configure(threads=torch.get_num_threads())
    device = torch.device(settings.device)
    config = settings.shape("gpt2_124m")
    ours = build_model(config, seed=1)
    theirs = their_gpt2(ours)
    ours, theirs = ours.to(device).train(), theirs.to(device).train()
    generator = torch.Generator().manual_seed(2)
    tokens_BT = torch.randint(config.vocab_size, (2, config.context_length), generator=generator)
    tokens_BT = tokens_BT.to(device)
    inputs_BT, targets_BT = tokens_BT[:, :-1].contiguous(), tokens_BT[:, 1:].contiguous()

    reference_BTV = theirs(inputs_BT).logits
    expected = F.cross_entropy(reference_BTV.flatten(0, 1), targets_BT.flatten())
    expected.backward()
    gradients = from_gpt2({name: p.grad for name, p in theirs.named_parameters()})
    reference_BTV = reference_BTV.detach()

    with torch.no_grad():
        found = distance(ours(inputs_BT), reference_BTV)
    findings.check("float32 logits", found < LOGITS_FLOAT32, f"relative difference {found:.1e}")
    loss = next_token_loss(ours, inputs_BT, targets_BT)
    loss.backward()
    found = abs(loss.item() / expected.item() - 1)
    findings.check("float32 loss", found < LOGITS_FLOAT32, f"relative difference {found:.1e}")
    name, found = worst_gradient(ours, gradients)
    findings.check("float32 gradients", found < GRADIENTS_FLOAT32, f"at most {found:.1e}, {name}")

    with torch.no_grad(), autocast(device, "bfloat16"):
        mine = distance(ours(inputs_BT), reference_BTV)
        other = distance(theirs(inputs_BT).logits, reference_BTV)
    findings.check(
        "bfloat16 logits",
        mine < max(LOGITS_BFLOAT16, 1.5 * other),
        f"{mine:.1e} from float32; transformers' own are {other:.1e} from it",
    )
    with autocast(device, "bfloat16"):
        loss = next_token_loss(ours, inputs_BT, targets_BT)
    found = abs(loss.item() / expected.item() - 1)
    findings.check("bfloat16 loss", found < LOSS_BFLOAT16, f"relative difference {found:.1e}")


def their_gpt2(ours: LanguageModel) -> Any:
    """GPT-2 of transformers without dropout and with the weights of `ours`."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = ours.config
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.context_length,
            n_embd=config.n_embd,
            n_layer=config.n_layer,
            n_head=config.n_head,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )
    theirs.load_state_dict(to_gpt2(ours.state_dict()))
    return theirs


def distance(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference, relative to that of what was expected."""
    return ((found.float() - expected.float()).norm() / expected.float().norm()).item()


def worst_gradient(model: LanguageModel, expected: dict[str, Tensor]) -> tuple[str, float]:
    """The parameter whose gradient is furthest from the expected one, and how far."""
    found = {
        name: distance(parameter.grad, expected[name])
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    name = max(found, key=lambda one: found[one])
    return name, found[name]
