"""Scores against EleutherAI's lm-eval: same weights, same items, accuracies item by item."""

from typing import Any

import numpy as np
import pytest
import torch

from gptpath.config.model import ModelConfig
from gptpath.model.folder import load_weights
from gptpath.model.interop import from_gpt2
from gptpath.model.transformer import Transformer
from gptpath.zeroshot.hub_model import hub_scorer
from gptpath.zeroshot.items import passage_item
from gptpath.zeroshot.last_word import continuation
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.prompt_items import present_form, read_prompt_items
from gptpath.zeroshot.prompting import ask_candidates
from gptpath.zeroshot.prompts import shipped_task
from gptpath.zeroshot.results import argmax
from gptpath.zeroshot.scoring import Scorer
from tests.parity.lm_eval_local import (
    evaluate,
    hub_rows,
    hub_tokenizer,
    own_encoding,
    random_gpt2,
)
from tests.shared_data import REAL

pytest.importorskip("lm_eval")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not (REAL / "tokenizers").is_dir(), reason="shared data is absent"),
    pytest.mark.slow,
]

CONTEXT = 256
LIMIT = 40


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """lm-eval's samples by task, and the model and tokenizer it asked."""
    from lm_eval.models.huggingface import HFLM

    torch.set_num_threads(1)
    model = random_gpt2(n_layer=2, n_embd=64, n_head=2, n_positions=CONTEXT)
    tokenizer = hub_tokenizer()
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, device="cpu")
    rows = hub_rows()
    rows["wikitext"] = rows["wikitext"][:3]
    found = evaluate(lm, tmp_path_factory.mktemp("lm-eval"), rows, limit=LIMIT)
    return found | {"model": model, "tokenizer": tokenizer, "rows": rows}


@pytest.fixture(scope="module", params=["own", "transformers"])
def scorer(request: pytest.FixtureRequest, theirs: dict[str, Any]) -> Scorer:
    """The same weights behind our own model, and behind the adapter."""
    if request.param == "transformers":
        return hub_scorer(theirs["model"], theirs["tokenizer"], batch_size=7, same_context=False)
    config = ModelConfig(
        norm="pre", n_layer=2, n_head=2, n_embd=64, context_length=CONTEXT, vocab_size=50257
    )
    model = Transformer(config).eval()
    load_weights(model, from_gpt2(theirs["model"].state_dict()), where="a random GPT-2")
    return Scorer(model, own_encoding(), batch_size=7, same_context=False)


def samples(theirs: dict[str, Any], task: str) -> list[dict[str, Any]]:
    return sorted(theirs["samples"][f"local_{task}"], key=lambda sample: sample["doc_id"])


def their_totals(sample: dict[str, Any]) -> list[float]:
    return [answer[0] for answer in sample["filtered_resps"]]


@pytest.mark.parametrize("task", ["hellaswag", "piqa", "arc_easy", "arc_challenge"])
def test_choices_agree_item_by_item(theirs: dict[str, Any], scorer: Scorer, task: str) -> None:
    form = present_form(shipped_task(task.replace("_", "-")), REAL)
    assert form is not None
    items, _ = read_prompt_items(form, REAL, LIMIT)
    answers = ask_candidates(scorer, items, form.delimiter)
    assert len(items) == len(samples(theirs, task)) == LIMIT
    right = 0
    for item, of_item, sample in zip(items, answers, samples(theirs, task), strict=True):
        asked = [(item.contexts[0], form.delimiter + text) for text in item.candidates]
        assert asked == [tuple(pair) for pair in sample["arguments"]]
        totals = [answer.total for answer in of_item]
        np.testing.assert_allclose(totals, their_totals(sample), rtol=0, atol=1e-4)
        norms = [total / len(text) for total, text in zip(totals, item.candidates, strict=True)]
        assert (argmax(totals) == item.label) == bool(sample["acc"])
        assert (argmax(norms) == item.label) == bool(sample["acc_norm"])
        right += argmax(totals) == item.label
    assert 0 < right < LIMIT


def test_lambada_agrees_item_by_item(theirs: dict[str, Any], scorer: Scorer) -> None:
    rows = theirs["rows"]["lambada_openai"][:LIMIT]
    items = [passage_item({"id": str(n)} | row) for n, row in enumerate(rows)]
    requests = [Request(context=i.context, continuations=(continuation(i),)) for i in items]
    for request, [answer], sample in zip(
        requests, scorer.log_likelihoods(requests), samples(theirs, "lambada_openai"), strict=True
    ):
        context, text = sample["arguments"][0]
        assert request.context + request.continuations[0] == context + text
        assert answer.total == pytest.approx(their_totals(sample)[0], rel=0, abs=1e-4)
        assert answer.is_greedy == bool(sample["acc"])


def test_winograd_agrees_item_by_item_on_the_same_texts(
    theirs: dict[str, Any], scorer: Scorer
) -> None:
    of_task = samples(theirs, "wsc273")
    requests = [
        Request(context=context, continuations=(text,))
        for sample in of_task
        for context, text in sample["arguments"]
    ]
    totals = iter(answer.total for [answer] in scorer.log_likelihoods(requests))
    for sample, row in zip(of_task, theirs["rows"]["wsc273"], strict=False):
        pair = [next(totals), next(totals)]
        np.testing.assert_allclose(pair, their_totals(sample), rtol=0, atol=1e-4)
        assert (argmax(pair) == row["label"]) == bool(sample["acc"])


def test_wikitext_word_perplexity_agrees(theirs: dict[str, Any], scorer: Scorer) -> None:
    of_task = samples(theirs, "wikitext")
    texts = [
        np.array(scorer.encoding.encode_ordinary(sample["arguments"][0][0])) for sample in of_task
    ]
    assert max(map(len, texts)) > 3 * CONTEXT
    answers = scorer.rolling_each(texts)
    words = 0
    for tokens, answer, sample in zip(texts, answers, of_task, strict=True):
        total, of_page = sample["word_perplexity"]
        assert answer.tokens.tolist() == tokens.tolist()
        # Per token: their sums of thousands of nats are float32 window by window.
        assert answer.total / len(tokens) == pytest.approx(total / len(tokens), rel=0, abs=1e-4)
        words += of_page
    ours = np.exp(-sum(answer.total for answer in answers) / words)
    found = theirs["results"]["local_wikitext"]["word_perplexity,none"]
    assert ours == pytest.approx(found, rel=1e-5)


def test_a_context_that_is_cut_is_the_same_for_all_candidates_here_and_not_there(
    theirs: dict[str, Any],
) -> None:
    """On purpose: docs/protocols.md, Agreement with lm-eval."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    context, texts = " ".join(["alpha beta"] * CONTEXT), (" gamma", " delta" * 60)
    asked = Request(context=context, continuations=texts)
    lm = HFLM(pretrained=theirs["model"], tokenizer=theirs["tokenizer"], batch_size=2, device="cpu")
    found = lm.loglikelihood(
        [
            Instance(request_type="loglikelihood", doc={}, arguments=(context, text), idx=n)
            for n, text in enumerate(texts)
        ],
        disable_tqdm=True,
    )
    each, same = (
        hub_scorer(theirs["model"], theirs["tokenizer"], batch_size=2, same_context=same)
        for same in (False, True)
    )
    totals = [[a.total for a in s.log_likelihoods([asked])[0]] for s in (each, same)]
    np.testing.assert_allclose(totals[0], [total for total, _ in found], rtol=0, atol=1e-4)
    assert totals[1][1] == pytest.approx(totals[0][1], abs=1e-4)
    assert abs(totals[1][0] - totals[0][0]) > 1e-3
