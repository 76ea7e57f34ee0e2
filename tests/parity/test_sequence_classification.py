"""Transformations, head and loss against transformers' OpenAIGPTForSequenceClassification.

Theirs reads the last position of a row that no padding follows, so their token ids are made here
from the text by hand, row by row, and never by our code.
"""

import pytest
import torch
import torch.nn.functional as F
from transformers import OpenAIGPTConfig, OpenAIGPTForSequenceClassification

from gptpath.config.model import ModelConfig
from gptpath.finetune.batches import collate
from gptpath.finetune.evaluation import Evaluation
from gptpath.finetune.trainer import total_loss
from gptpath.finetune.transformations import Transformation
from gptpath.model.build import build_model
from gptpath.model.folder import load_weights
from gptpath.model.heads import TaskModel
from gptpath.model.interop import from_openai_gpt
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding

VOCABULARY, CONTEXT = 257, 40
PART = CONTEXT // 2 - 2
START, DELIMITER, EXTRACT = VOCABULARY, VOCABULARY + 1, VOCABULARY + 2
ROWS = {
    "classification": [
        {"text": "a short one", "label": 0},
        {"text": "one that is much longer than the forty tokens it may have", "label": 2},
    ],
    "entailment": [
        {"premise": "it rained all night long in Rome", "hypothesis": "it rained", "label": 1},
        {"premise": "no", "hypothesis": "a hypothesis of more bytes than half", "label": 0},
    ],
    "similarity": [
        {"text_a": "how old are you?", "text_b": "what is your age, then?", "label": 2},
        {"text_a": "x", "text_b": "y", "label": 1},
    ],
    "regression": [
        {"text_a": "a man is playing", "text_b": "a man plays", "label": 4.75},
        {"text_a": "a cat", "text_b": "the stock market fell", "label": 0.0},
        {"text_a": "one", "text_b": "ones", "label": 5.0},
    ],
}
LABELS = {"classification": 3, "entailment": 2, "similarity": 3, "regression": 6}


def by_hand(kind, row):
    """GPT-1 sec. 3.3 and Fig. 1: bytes are the tokens."""
    if kind == "classification":
        return [[START, *row["text"].encode()[: CONTEXT - 2], EXTRACT]]
    first, second = (value.encode()[:PART] for value in list(row.values())[:2])
    one = [START, *first, DELIMITER, *second, EXTRACT]
    if kind == "entailment":
        return [one]
    return [one, [START, *second, DELIMITER, *first, EXTRACT]]


@pytest.fixture(scope="module")
def encoding(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, [bytes([byte]) for byte in range(256)], name="bytes")
    return load_encoding(folder)


@pytest.fixture
def models():
    """Theirs and ours with the same weights; the special tokens are their last three rows."""

    def make(kind):
        torch.manual_seed(4)
        theirs = OpenAIGPTForSequenceClassification(
            OpenAIGPTConfig(
                vocab_size=VOCABULARY + 3,
                n_positions=CONTEXT,
                n_embd=32,
                n_layer=2,
                n_head=4,
                num_labels=LABELS[kind],
                initializer_range=0.2,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
            )
        ).eval()
        config = ModelConfig(
            norm="post", n_layer=2, n_head=4, n_embd=32, context_length=CONTEXT, vocab_size=257
        )
        body = build_model(config, seed=0)
        state = {n: p for n, p in theirs.state_dict().items() if n.startswith("transformer.")}
        table = theirs.transformer.tokens_embed.weight
        state["transformer.tokens_embed.weight"] = table[:VOCABULARY]
        state["lm_head.weight"] = table[:VOCABULARY]
        load_weights(body, from_openai_gpt(state), where="transformers")
        ours = TaskModel(body, kind=kind, n_labels=LABELS[kind], dropout=0.0, seed=0).eval()
        with torch.no_grad():
            ours.special.weight.copy_(table[VOCABULARY:])
            ours.head.weight.copy_(theirs.score.weight)
            ours.head.bias.fill_(0.0)  # theirs has none
        return theirs, ours

    return make


def their_scores(theirs, kind):
    """Their head is linear without a bias: the score of summed states is the sum of scores."""
    scores = []
    for row in ROWS[kind]:
        parts = [theirs(input_ids=torch.tensor([ids])).logits for ids in by_hand(kind, row)]
        scores.append(torch.stack(parts).sum(0))
    return torch.cat(scores)


def their_loss(scores, kind):
    labels = [row["label"] for row in ROWS[kind]]
    if kind != "regression":
        return F.cross_entropy(scores, torch.tensor(labels))
    # 4.75 is a quarter 4 and three quarters 5 (finetune-transformer-lm, STS-B)
    targets = torch.tensor([[0, 0, 0, 0, 0.25, 0.75], [1, 0, 0, 0, 0, 0.0], [0, 0, 0, 0, 0, 1.0]])
    return -(targets * scores.log_softmax(-1)).sum(1).mean()


@pytest.mark.parametrize("kind", ROWS)
def test_scores_loss_and_gradients_agree(kind, models, encoding):
    theirs, ours = models(kind)
    transformation = Transformation(
        kind=kind,
        n_labels=LABELS[kind],
        encoding=encoding,
        vocab_size=VOCABULARY,
        context_length=CONTEXT,
        score_range=(0.0, 5.0) if kind == "regression" else None,
    )
    examples = transformation.examples(ROWS[kind], labelled=True)
    batch = collate(examples)
    expected = their_scores(theirs, kind)
    loss = total_loss(ours, batch, 0.0)
    scores = ours(batch.tokens_N, batch.packing, batch.extracts_BS)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, their_loss(expected, kind), atol=1e-5, rtol=0)
    found = Evaluation(examples=examples).probabilities(ours, precision="float32")
    torch.testing.assert_close(torch.tensor(found), expected.softmax(-1), atol=1e-5, rtol=0)

    loss.backward()
    their_loss(expected, kind).backward()
    table = theirs.transformer.tokens_embed.weight.grad
    pairs = {
        "head": (ours.head.weight.grad, theirs.score.weight.grad),
        "special tokens": (ours.special.weight.grad, table[VOCABULARY:]),
        "tokens": (ours.language_model.wte.weight.grad, table[:VOCABULARY]),
        "first block": (
            ours.language_model.h[0].attn.c_attn.weight.grad,
            theirs.transformer.h[0].attn.c_attn.weight.grad.T,
        ),
    }
    for name, (own, other) in pairs.items():
        torch.testing.assert_close(own, other, atol=1e-5, rtol=0, msg=lambda m, n=name: f"{n}: {m}")
