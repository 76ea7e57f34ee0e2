"""Zero-shot scoring side by side with EleutherAI's lm-eval: same weights, items, threads, batch.

    python -m benchmarks.zeroshot [--threads 2] [--rounds 3] [--device cuda] [--through adapter]
        [--layers 6 --width 192 --heads 6] [--items 48]

Wants lm-eval[hf] and the shared data that the tests read. The model is a random GPT-2 with GPT-2's
own tokenizer: 6 layers 192 wide are 12.5M parameters, 9.8M of them the two tables. Both contestants
stand in one process and answer the same requests in turn, round after round; texts go in, so that
tokenisation counts. Medians count, and CPU seconds are printed beside them, as another load on the
machine moves those less; what the matrix products of rolling texts take alone bounds their ratio
(`zeroshot_products`). Peak memory is measured in a child process of its own for each contestant and
task. It ends if the two disagree by more than 1e-3 nats anywhere.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.zeroshot_products import Shape, products_alone
from gptpath.config.model import ModelConfig
from gptpath.model.folder import load_weights
from gptpath.model.interop import from_gpt2
from gptpath.model.transformer import Transformer
from gptpath.zeroshot.hub_model import hub_scorer
from gptpath.zeroshot.items import passage_item
from gptpath.zeroshot.last_word import continuation
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.prompt_items import present_form, read_prompt_items
from gptpath.zeroshot.prompts import shipped_task
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.sequences import windows
from tests.parity.lm_eval_local import hub_rows, hub_tokenizer, own_encoding, random_gpt2
from tests.shared_data import REAL

CHOICES = ("hellaswag", "arc-easy")
TASKS = (*CHOICES, "lambada", "wikitext")
SHAPE = {"layers": 6, "width": 192, "heads": 6}
NUMBERS = {"threads": 2, "rounds": 3, "batch": 16, "items": 48} | SHAPE
"""Options, and what they are unless said otherwise."""
CONTEXT = 1024
TOLERANCE = 1e-3

Answer = list[float]
"""Log-likelihoods, nats, in the order of the requests."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is asked in one task: requests, or whole texts for rolling."""

    requests: list[Request]
    texts: list[str]


def main() -> None:
    """Measure time in turn, then memory in children, and print a table."""
    options = _options()
    if options.alone:
        _alone(options)
        return
    torch.set_num_threads(options.threads)
    ours, theirs = contestants(options)
    print(_title(options))
    for task in options.tasks:
        work = work_of(task, options.items)
        rows: dict[str, list[tuple[float, float]]] = {"ours": [], "lm-eval": []}
        for _ in range(options.rounds):
            found = _timed(rows["ours"], lambda work=work: ours(work))
            expected = _timed(rows["lm-eval"], lambda work=work: theirs(work))
            _compare(task, found, expected)
        peaks = {who: _peak(options, who, task) for who in rows} if options.memory else {}
        _print(task, work, rows, peaks)
        if work.texts and options.device == "cpu":
            print(_bound(options, work, rows["lm-eval"]), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--through", choices=("own", "adapter"), default="own")
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--alone", choices=("ours", "lm-eval"), help=argparse.SUPPRESS)
    return parser.parse_args()


def work_of(task: str, items: int) -> Work:
    """Items drawn evenly over the file: their kinds and lengths are sorted in some."""
    if task in CHOICES:
        form = present_form(shipped_task(task), REAL)
        assert form is not None, f"no data of {task} in {REAL}"
        every, _ = read_prompt_items(form, REAL, None)
        return Work(
            [
                Request(
                    context=item.contexts[0],
                    continuations=tuple(form.delimiter + text for text in item.candidates),
                )
                for item in _spread(every, items)
            ],
            [],
        )
    if task == "lambada":
        rows = _spread(hub_rows()["lambada_openai"], 2 * items)
        passages = [passage_item({"id": str(n)} | row) for n, row in enumerate(rows)]
        return Work(
            [Request(context=p.context, continuations=(continuation(p),)) for p in passages], []
        )
    pages = hub_rows()["wikitext"]
    return Work([], [row["page"] for row in _spread(pages, max(1, items // 12))])


def _spread(rows: Sequence[Any], count: int) -> list[Any]:
    step = max(1, len(rows) // count)
    return list(rows[::step][:count])


def contestants(
    options: argparse.Namespace, only: str | None = None
) -> tuple[Callable[[Work], Answer], Callable[[Work], Answer]]:
    """Both ways to answer a task, with the same weights."""
    model = random_gpt2(
        n_layer=options.layers, n_embd=options.width, n_head=options.heads, n_positions=CONTEXT
    ).to(options.device)
    ours = theirs = _absent
    if only != "lm-eval":
        ours = _ours(model, options)
    if only != "ours":
        theirs = _theirs(model, options)
    return ours, theirs


def _absent(work: Work) -> Answer:
    raise AssertionError("this contestant was not asked for")


def _ours(model: Any, options: argparse.Namespace) -> Callable[[Work], Answer]:
    if options.through == "adapter":
        scorer = hub_scorer(model, hub_tokenizer(), batch_size=options.batch, same_context=False)
    else:
        config = ModelConfig(
            norm="pre",
            n_layer=options.layers,
            n_head=options.heads,
            n_embd=options.width,
            context_length=CONTEXT,
            vocab_size=model.config.vocab_size,
        )
        own = Transformer(config)
        load_weights(own, from_gpt2(model.state_dict()), where="the random model")
        scorer = Scorer(
            own.to(options.device).eval(),
            own_encoding(),
            batch_size=options.batch,
            same_context=False,
        )

    def answer(work: Work) -> Answer:
        if work.texts:
            encoded = [np.array(scorer.encoding.encode_ordinary(text)) for text in work.texts]
            return [each.total for each in scorer.rolling_each(encoded)]
        return [each.total for of in scorer.log_likelihoods(work.requests) for each in of]

    return answer


def _theirs(model: Any, options: argparse.Namespace) -> Callable[[Work], Answer]:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    make: Any = HFLM  # a decorator hides its parameters from type checkers
    lm = make(
        pretrained=model,
        tokenizer=hub_tokenizer(),
        batch_size=options.batch,
        device=options.device,
    )

    def answer(work: Work) -> Answer:
        if work.texts:
            rolling = [
                Instance(request_type="loglikelihood_rolling", doc={}, arguments=(text,), idx=n)
                for n, text in enumerate(work.texts)
            ]
            return list(lm.loglikelihood_rolling(rolling, disable_tqdm=True))
        pairs = [(r.context, text) for r in work.requests for text in r.continuations]
        asked = [
            Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=n)
            for n, pair in enumerate(pairs)
        ]
        return [total for total, _ in lm.loglikelihood(asked, disable_tqdm=True)]

    return answer


def _timed(seconds: list[tuple[float, float]], work: Callable[[], Answer]) -> Answer:
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    seconds.append((time.perf_counter() - start, time.process_time() - cpu))
    return result


def _compare(task: str, ours: Answer, theirs: Answer) -> None:
    # lm-eval sums in float32, window by window, so a long text is compared relative to its size.
    wrong = [
        (a, b)
        for a, b in zip(ours, theirs, strict=True)
        if abs(a - b) > max(TOLERANCE, 1e-6 * abs(b))
    ]
    if wrong:
        sys.exit(f"{task}: the contestants disagree on {len(wrong)} answers, first {wrong[0]}")


def _alone(options: argparse.Namespace) -> None:
    """One contestant, one task, once: prints its peak memory and the growth while it answered."""
    torch.set_num_threads(options.threads)
    pick = 0 if options.alone == "ours" else 1
    answer = contestants(options, options.alone)[pick]
    work = work_of(options.tasks[0], options.items)
    on_cpu = options.device == "cpu"
    before = _resident() if on_cpu else 0
    if not on_cpu:
        torch.cuda.reset_peak_memory_stats()
    answer(work)
    peak = _resident() if on_cpu else torch.cuda.max_memory_allocated() // 2**20
    print(json.dumps({"peak": peak, "growth": peak - before}))


def _resident() -> int:
    """Most resident memory of this process so far, MiB.

    From /proc, as getrusage counts the parent's memory at the moment of the fork as the child's.
    """
    [line] = [li for li in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in li]
    return int(line.split()[1]) // 1024


def _peak(options: argparse.Namespace, who: str, task: str) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.zeroshot", "--alone", who, "--tasks", task]
    for name in ("device", "through", *NUMBERS):
        command += [f"--{name}", str(getattr(options, name))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _title(options: argparse.Namespace) -> str:
    tables = (50257 + CONTEXT) * options.width
    blocks = options.layers * 12 * options.width**2
    return (
        f"GPT-2 of {options.layers} layers, {options.width} wide, GPT-2's vocabulary: "
        f"{(tables + blocks) / 1e6:.1f}M parameters, {blocks / 1e6:.1f}M of them in the layers; "
        f"{options.device}, {options.threads} threads, batch {options.batch}, {options.rounds} "
        f"rounds; ours through {options.through}"
    )


def _print(
    task: str,
    work: Work,
    rows: dict[str, list[tuple[float, float]]],
    peaks: dict[str, dict[str, int]],
) -> None:
    count = len(work.texts) or sum(len(request.continuations) for request in work.requests)
    wall = {who: statistics.median(w for w, _ in seconds) for who, seconds in rows.items()}
    cpu = {who: statistics.median(c for _, c in seconds) for who, seconds in rows.items()}
    each = [b[0] / a[0] for a, b in zip(rows["ours"], rows["lm-eval"], strict=True)]
    print(
        f"{task}, {count} {'texts' if work.texts else 'requests'}: ours {wall['ours']:.2f} s, "
        f"lm-eval {wall['lm-eval']:.2f} s, x {wall['lm-eval'] / wall['ours']:.1f} "
        f"({min(each):.1f} to {max(each):.1f}); CPU {cpu['ours']:.2f} s and "
        f"{cpu['lm-eval']:.2f} s, x {cpu['lm-eval'] / cpu['ours']:.1f}"
        + "".join(f"; peak of {who} {p['peak']} MiB (+{p['growth']})" for who, p in peaks.items()),
        flush=True,
    )


def _bound(options: argparse.Namespace, work: Work, theirs: list[tuple[float, float]]) -> str:
    """What the matrix products of rolling texts take alone, and what that says of the ratio."""
    encoding = own_encoding()
    shape = Shape(**{name: getattr(options, name) for name in SHAPE}, vocabulary=encoding.n_vocab)
    texts = [np.array([0, *encoding.encode_ordinary(text)]) for text in work.texts]
    rows = [row for tokens in texts for row in windows(tokens, 1, CONTEXT)]
    return products_alone(shape, rows, options.threads, options.rounds).beside(*theirs)


if __name__ == "__main__":
    main()
