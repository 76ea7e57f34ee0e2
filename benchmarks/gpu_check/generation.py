"""Section `generation`: the cache against none, tokens a second, and a text to look at."""

import torch

from benchmarks.gpu_check.child import Findings
from benchmarks.gpu_check.machine import clock
from benchmarks.gpu_check.pretraining import FOLDER
from benchmarks.gpu_check.settings import Settings
from gptpath.model.build import LanguageModel
from gptpath.model.device import configure
from gptpath.model.folder import load_model
from gptpath.model.generation import generate, generate_samples
from gptpath.model.sampling import Sampling
from gptpath.tokens.encoding import Encoding, load_encoding

PROMPT = "The first thing to know about the"
_TOKENS = 48


def run(settings: Settings, findings: Findings, item: str) -> None:
    folder = settings.work / FOLDER / "model"
    if not (folder / "tokenizer").is_dir():
        findings.skip("no model was pretrained")
        return
    configure(threads=torch.get_num_threads())
    device = torch.device(settings.device)
    model, encoding = load_model(folder, device=device), load_encoding(folder / "tokenizer")
    text = generate(model, encoding, [PROMPT], max_new_tokens=_TOKENS, temperature=0.0)[0]
    expected = _greedy(model, encoding, PROMPT, _TOKENS)
    findings.check("greedy text with the cache is that without", text == expected, repr(text[:60]))
    findings.note(
        sample=generate(
            model, encoding, [PROMPT], max_new_tokens=100, temperature=0.8, top_k=40, seed=1
        )[0]
    )
    for samples in (1, 8, 64):
        start = clock(device)
        texts = generate_samples(
            model,
            encoding,
            [PROMPT],
            max_new_tokens=_TOKENS,
            sampling=Sampling(top_k=40),
            samples=samples,
        )
        tokens = sum(len(encoding.encode_ordinary(text)) for text in texts[0])
        findings.note(**{f"tokens_per_second_{samples}": tokens / (clock(device) - start)})


@torch.no_grad()
def _greedy(model: LanguageModel, encoding: Encoding, prompt: str, count: int) -> str:
    """The likeliest continuation by reading everything anew for each token."""
    tokens = encoding.encode_ordinary(prompt)
    start = len(tokens)
    device = model.wte.weight.device
    for _ in range(count):
        window = torch.tensor([tokens[-model.config.context_length :]], device=device)
        token = int(model(window)[0, -1].argmax())
        if token == encoding.eot_token:
            break
        tokens.append(token)
    return encoding.decode(tokens[start:])
