"""Our multiple-choice head and losses against transformers' OpenAIGPTDoubleHeadsModel."""

import pytest
import torch
import torch.nn.functional as F
from transformers import OpenAIGPTConfig, OpenAIGPTDoubleHeadsModel

from gptpath.config.model import ModelConfig
from gptpath.finetune.batches import Batch
from gptpath.finetune.trainer import total_loss
from gptpath.model.build import build_model
from gptpath.model.folder import load_weights
from gptpath.model.heads import TaskModel, TextTargets
from gptpath.model.interop import from_openai_gpt

VOCABULARY, CHOICES, ITEMS = 101, 4, 3
CONFIG = ModelConfig(
    norm="post", n_layer=2, n_head=4, n_embd=32, context_length=40, vocab_size=VOCABULARY
)
START, DELIMITER, EXTRACT = VOCABULARY, VOCABULARY + 1, VOCABULARY + 2


@pytest.fixture
def theirs():
    """The special tokens are the last three rows of their vocabulary."""
    torch.manual_seed(1)
    model = OpenAIGPTDoubleHeadsModel(
        OpenAIGPTConfig(
            vocab_size=VOCABULARY + 3,
            n_positions=CONFIG.context_length,
            n_embd=CONFIG.n_embd,
            n_layer=CONFIG.n_layer,
            n_head=CONFIG.n_head,
            initializer_range=0.1,
            num_labels=1,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            summary_first_dropout=0.0,
        )
    )
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


def copied(theirs, kind="multiple-choice", n_labels=CHOICES):
    body = build_model(CONFIG, seed=0)
    state = {n: p for n, p in theirs.state_dict().items() if n.startswith("transformer.")}
    state["transformer.tokens_embed.weight"] = theirs.transformer.tokens_embed.weight[:VOCABULARY]
    state["lm_head.weight"] = state["transformer.tokens_embed.weight"]
    load_weights(body, from_openai_gpt(state), where="transformers")
    model = TaskModel(body, kind=kind, n_labels=n_labels, dropout=0.0, seed=0).eval()
    with torch.no_grad():
        model.special.weight.copy_(theirs.transformer.tokens_embed.weight[VOCABULARY:])
        if kind == "multiple-choice":
            model.head.weight.copy_(theirs.multiple_choice_head.summary.weight)
            model.head.bias.copy_(theirs.multiple_choice_head.summary.bias)
    return model


@pytest.fixture
def batch():
    """Answers of different lengths, so that some rows are padded."""
    generator = torch.Generator().manual_seed(2)
    rows, lengths = [], []
    for row in range(ITEMS * CHOICES):
        answer = 3 + row % 5
        text = torch.randint(0, VOCABULARY, (12 + answer,), generator=generator).tolist()
        tokens = [START, *text[:12], DELIMITER, *text[12:], EXTRACT]
        lengths.append(len(tokens))
        rows.append(tokens + [0] * (30 - len(tokens)))
    return Batch(
        tokens_RT=torch.tensor(rows),
        lengths_R=torch.tensor(lengths),
        labels_B=torch.tensor([0, 3, 1]),
    )


def text_of(tokens, lengths):
    return TextTargets.of(tokens, lengths, VOCABULARY)


def predict(theirs, batch, **arguments):
    shape = (ITEMS, CHOICES, -1)
    return theirs(
        input_ids=batch.tokens_RT.view(shape),
        mc_token_ids=(batch.lengths_R - 1).view(ITEMS, CHOICES),
        mc_labels=batch.labels_B,
        **arguments,
    )


def test_answer_scores_and_task_loss_agree(theirs, batch):
    ours = copied(theirs)
    with torch.no_grad():
        expected = predict(theirs, batch)
        scores = ours(batch.tokens_RT, batch.lengths_R)
        loss = total_loss(ours, batch, 0.0)
    torch.testing.assert_close(scores, expected.mc_logits, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, expected.mc_loss, atol=1e-5, rtol=0)


def test_items_of_fewer_answers_have_the_scores_of_theirs_alone(theirs, batch):
    ours = copied(theirs)
    counts = torch.tensor([2, CHOICES, 3])
    present = torch.arange(CHOICES) < counts[:, None]
    rows = present.flatten()
    with torch.no_grad():
        expected = predict(theirs, batch).mc_logits.masked_fill(~present, -torch.inf)
        fewer = Batch(
            tokens_RT=batch.tokens_RT[rows],
            lengths_R=batch.lengths_R[rows],
            labels_B=batch.labels_B,
            present_BS=present,
        )
        scores = ours(fewer.tokens_RT, fewer.lengths_R, present)
        loss = total_loss(ours, fewer, 0.0)
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    by_item = [
        F.cross_entropy(expected[i, :n], batch.labels_B[i]) for i, n in enumerate(counts.tolist())
    ]
    torch.testing.assert_close(loss, torch.stack(by_item).mean(), atol=1e-5, rtol=0)


def test_language_model_loss_is_theirs_averaged_by_sequence(theirs, batch):
    ours = copied(theirs)
    with torch.no_grad():
        logits = predict(theirs, batch).logits.flatten(0, 1)[..., :VOCABULARY]
        means = []
        for row, length in enumerate(batch.lengths_R.tolist()):
            targets = batch.tokens_RT[row, 1:length]
            text = targets < VOCABULARY
            means.append(F.cross_entropy(logits[row, : length - 1][text], targets[text]))
        hidden = ours.hidden(batch.tokens_RT)
        loss = ours.language_model_loss(hidden, text_of(batch.tokens_RT, batch.lengths_R))
    torch.testing.assert_close(loss, torch.stack(means).mean(), atol=1e-5, rtol=0)


def test_language_model_loss_is_theirs_for_texts_of_one_length(theirs, batch):
    """With embeddings as inputs their softmax, like ours, need not know the special tokens."""
    theirs_without = copied_vocabulary(theirs)
    ours = copied(theirs)
    tokens = batch.tokens_RT[:, :15].clone()
    tokens[:, 1:] = tokens[:, 1:].clamp(max=VOCABULARY - 1)
    lengths = torch.full((len(tokens),), 15)
    with torch.no_grad():
        expected = theirs_without(
            inputs_embeds=theirs.transformer.tokens_embed(tokens),
            labels=tokens.masked_fill(tokens >= VOCABULARY, -100),
        )
        loss = ours.language_model_loss(ours.hidden(tokens), text_of(tokens, lengths))
    torch.testing.assert_close(loss, expected.loss, atol=1e-5, rtol=0)


def copied_vocabulary(theirs):
    """The same model with the vocabulary of the text alone."""
    config = OpenAIGPTConfig(**theirs.config.to_dict() | {"vocab_size": VOCABULARY})
    model = OpenAIGPTDoubleHeadsModel(config).eval()
    state = theirs.state_dict()
    for name in ("transformer.tokens_embed.weight", "lm_head.weight"):
        state[name] = state[name][:VOCABULARY]
    model.load_state_dict(state)
    return model


@pytest.mark.parametrize(
    ("kind", "rows_per_item"), [("classification", 1), ("entailment", 1), ("similarity", 2)]
)
def test_other_heads_equal_a_recomputation_from_their_hidden_states(
    theirs, batch, kind, rows_per_item
):
    ours = copied(theirs, kind=kind, n_labels=5)
    with torch.no_grad():
        hidden = theirs.transformer(batch.tokens_RT).last_hidden_state
        at_extract = batch.tokens_RT == EXTRACT
        states = hidden[at_extract].view(-1, rows_per_item, CONFIG.n_embd).sum(1)
        expected = states @ ours.head.weight.T + ours.head.bias
        scores = ours(batch.tokens_RT, batch.lengths_R)
        labels = torch.arange(len(states)) % 5
        loss = total_loss(
            ours,
            Batch(tokens_RT=batch.tokens_RT, lengths_R=batch.lengths_R, labels_B=labels),
            0.0,
        )
        by_hand = -expected.log_softmax(-1)[torch.arange(len(states)), labels].mean()
    torch.testing.assert_close(scores, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(loss, by_hand, atol=1e-5, rtol=0)
