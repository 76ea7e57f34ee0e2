"""Section `zeroshot`: our scoring on this device against transformers' plain forward pass.

A random GPT-2 small, with as many tokens as the carried tokenizer has (124M parameters with
GPT-2's own), is asked choices, last words and whole texts made of the carried tokens, through our
own model and through the adapter, at several batch sizes. What it should answer comes from one
forward pass of transformers' model for each sequence, and once more in float64, which tells how
far apart two right answers in float32 may be.
"""

import copy
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
import torch

from benchmarks.gpu_check.child import Findings
from benchmarks.gpu_check.machine import clock
from benchmarks.gpu_check.parity import their_gpt2
from benchmarks.gpu_check.settings import Settings
from benchmarks.gpu_check.zeroshot_work import Answer, Work, answer_of, make_work, sequences
from gptpath.model.build import build_model
from gptpath.model.device import configure
from gptpath.tokens.encoding import Encoding, load_encoding
from gptpath.tokens.shards import open_split
from gptpath.zeroshot.hub_model import HubModel
from gptpath.zeroshot.scoring import Scorer

T = TypeVar("T")

BATCHES = (1, 7, 64)
INIT_STD = 0.06
"""Three times GPT-2's, so that probabilities differ and greedy text is more than an echo."""
LEAST_TOLERANCE = 1e-4
"""Nats by which the log-probability of a token may be off, however close float64 comes."""
NEW_TOKENS = 24
PADDED = 16
"""Sequences in a batch of the usual way to score, which is timed beside ours."""
_TOKENS_READ = 100_000


def run(settings: Settings, findings: Findings, item: str) -> None:
    tokens, tokenizer = settings.token_folders
    if not find_spec("transformers"):
        findings.skip("transformers is not installed")
        return
    if not (tokens.is_dir() and tokenizer.is_dir()):
        findings.skip("there are no tokens to ask about")
        return
    configure(threads=torch.get_num_threads())
    device = torch.device(settings.device)
    encoding = load_encoding(tokenizer)
    shape = settings.shape("gpt2_124m", init_std=INIT_STD, vocab_size=encoding.n_vocab)
    ours = build_model(shape, seed=3).to(device).eval()
    theirs = their_gpt2(ours).to(device).eval()
    held_out = open_split(tokens, "validation")
    text = encoding.decode(held_out.read(0, min(len(held_out), _TOKENS_READ)).tolist())
    greedy = their_greedy_ids(theirs, encoding, [[encoding.eot_token]])
    work = make_work(text, encoding, shape.context_length, own=greedy, small=settings.small)

    expected, seconds = timed(device, lambda: plain_answer(theirs, encoding, work))
    padded, padded_seconds = timed(device, lambda: padded_batches(theirs, encoding, work))
    exact = plain_answer(copy.deepcopy(theirs).double(), encoding, work)
    findings.note(
        choices=len(work.choices),
        last_words=len(work.last_words),
        texts=len(work.texts),
        tokens_asked=len(expected.log_probs),
        likeliest=int(expected.likeliest.sum()),
        float32_from_float64_nats=expected.apart(exact),
        seconds_one_forward_pass_each=seconds,
        **{f"seconds_padded_batches_of_{PADDED}": padded_seconds},
    )
    tolerance = max(LEAST_TOLERANCE, 2 * expected.apart(exact))
    total = exact.log_probs.sum()
    findings.check(
        "padded batches, which are timed only, find the same in all",
        abs(padded - total) < tolerance * len(exact.log_probs),
        f"{padded:.2f} and {total:.2f} nats",
    )
    for name, model in (("own model", ours), ("adapter", HubModel(theirs))):
        check_answers(findings, name, model, encoding, work, exact, tolerance)
        check_greedy(findings, name, model, theirs, encoding, work)


def check_answers(
    findings: Findings,
    name: str,
    model: Any,
    encoding: Encoding,
    work: Work,
    exact: Answer,
    tolerance: float,
) -> None:
    """Log-probabilities at each batch size; whether their bits agree is told and fails nothing."""
    found: dict[int, Answer] = {}
    times: dict[int, float] = {}
    for batch in BATCHES:
        scorer = Scorer(model, encoding, batch_size=batch, same_context=False)
        found[batch], times[batch] = timed(scorer.device, lambda s=scorer: _ask(s, work))
        apart = found[batch].apart(exact)
        findings.check(
            f"{name}, batch {batch}: log-probabilities",
            apart < tolerance,
            f"at most {apart:.1e} nats a token from float64, allowed {tolerance:.1e}",
        )
        doubtful = np.abs(exact.lead) < tolerance
        wrong = (found[batch].likeliest != exact.likeliest) & ~doubtful
        findings.check(
            f"{name}, batch {batch}: which tokens are the likeliest",
            not wrong.any(),
            f"{wrong.sum()} wrong, {doubtful.sum()} of {len(wrong)} too close to say",
        )
    first = found[BATCHES[0]]
    findings.note(
        **{
            f"{name}: seconds by batch": times,
            f"{name}: same bits at all batch sizes": all(
                np.array_equal(first.log_probs, other.log_probs)
                and np.array_equal(first.likeliest, other.likeliest)
                for other in found.values()
            ),
            f"{name}: nats between batch sizes": max(
                first.apart(other) for other in found.values()
            ),
        }
    )


def check_greedy(
    findings: Findings, name: str, model: Any, theirs: Any, encoding: Encoding, work: Work
) -> None:
    """Greedy texts of prompts of different lengths, side by side, against theirs one by one."""
    scorer = Scorer(model, encoding, batch_size=BATCHES[-1])
    texts = scorer.generate(work.prompts, max_new_tokens=NEW_TOKENS, top_k=1, seed=0)
    prompts = [encoding.encode_ordinary(prompt) for prompt in work.prompts]
    expected = [
        encoding.decode([token for token in ids if token != encoding.eot_token])
        for ids in (their_greedy_ids(theirs, encoding, [prompt]) for prompt in prompts)
    ]
    same = sum(one == other for one, other in zip(texts, expected, strict=True))
    findings.check(
        f"{name}: greedy texts are those of transformers' generate",
        same == len(expected),
        f"{same} of {len(expected)}; the first is {texts[0][:40]!r}",
    )


def their_greedy_ids(theirs: Any, encoding: Encoding, prompt: list[list[int]]) -> list[int]:
    """The likeliest continuation by transformers' own generation."""
    inputs = torch.tensor(prompt, device=theirs.device)
    found = theirs.generate(
        inputs,
        attention_mask=torch.ones_like(inputs),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=encoding.eot_token,
        pad_token_id=encoding.eot_token,
    )
    return found[0, inputs.shape[1] :].tolist()


@torch.inference_mode()
def plain_answer(theirs: Any, encoding: Encoding, work: Work) -> Answer:
    """One forward pass for each sequence, and a log-softmax of all its logits."""
    log_probs: list[torch.Tensor] = []
    leads: list[torch.Tensor] = []
    for tokens, count in sequences(encoding, work, theirs.config.n_positions):
        inputs = torch.tensor([tokens[:-1]], device=theirs.device)
        targets_T = torch.tensor(tokens[-count:], device=theirs.device)[:, None]
        table_TV = theirs(inputs).logits[0, -count:].log_softmax(-1)
        chosen_T = table_TV.gather(1, targets_T)
        rival_T = table_TV.scatter(1, targets_T, -torch.inf).amax(1)
        log_probs.append(chosen_T[:, 0])
        leads.append(chosen_T[:, 0] - rival_T)
    both = (torch.cat(part).double().cpu().numpy() for part in (log_probs, leads))
    return Answer(*both)


@torch.inference_mode()
def padded_batches(theirs: Any, encoding: Encoding, work: Work) -> float:
    """The usual way: batches by length, padded, and a log-softmax of every position's logits.

    Returns the log-probability of all that is asked.
    """
    asked = list(sequences(encoding, work, theirs.config.n_positions))
    asked.sort(key=lambda sequence: -len(sequence[0]))
    found = 0.0
    for start in range(0, len(asked), PADDED):
        batch = asked[start : start + PADDED]
        inputs = np.zeros((len(batch), len(batch[0][0]) - 1), dtype=np.int64)
        for row, (tokens, _) in enumerate(batch):
            inputs[row, : len(tokens) - 1] = tokens[:-1]
        table_BTV = theirs(torch.from_numpy(inputs).to(theirs.device)).logits.log_softmax(-1)
        for row, (tokens, count) in enumerate(batch):
            targets_T = torch.tensor(tokens[-count:], device=theirs.device)[:, None]
            here_TV = table_BTV[row, len(tokens) - 1 - count : len(tokens) - 1]
            found += here_TV.gather(1, targets_T).double().sum().item()
    return found


def timed(device: torch.device, work: Callable[[], T]) -> tuple[T, float]:
    """What the work finds, and its seconds."""
    start = clock(device)
    found = work()
    return found, round(clock(device) - start, 2)


def _ask(scorer: Scorer, work: Work) -> Answer:
    answers = [each for of in scorer.log_likelihoods(work.requests) for each in of]
    return answer_of([*answers, *scorer.rolling_each(work.texts)])
