from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.config.sections import Parallel
from gptpath.errors import ConfigError, CorpusError
from gptpath.events import ignore
from gptpath.report.training_batch import batch_windows, render_batch
from gptpath.stages.context import StageContext
from gptpath.stages.encode import run
from gptpath.text.documents import (
    Document,
    as_frame,
    read_documents,
    shard_name,
    write_documents,
    write_frame,
)
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.shards import open_split
from gptpath.train.batches import Batches

MODEL = "gpt2-laptop-s"
LENGTH = 16


@pytest.fixture(scope="module")
def params():
    params = load_params(Path(__file__).parents[3] / "profiles" / "laptop.yaml")
    entry = replace(params.models[MODEL], shape={"context_length": LENGTH}, recipe={"steps": 250})
    return replace(
        params,
        tokenizer=replace(params.tokenizer, vocab_size=257),
        parallel=Parallel(workers=1),
        models=params.models | {MODEL: entry},
    )


@pytest.fixture(scope="module")
def root(params, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("batch")
    documents = [
        Document(text=text * (n % 5 + 1), source="s", kind="files", location=f"{n}", group="g")
        for n, text in enumerate(f"text {n} " for n in range(90))
    ]
    frame = as_frame(documents).sort("id")
    for shard in range(3):
        path = root / "data" / "corpus" / "train" / shard_name(shard)
        write_frame(path, frame.slice(30 * shard, 30))
    write_documents(root / "data" / "corpus" / "validation", documents[:5])
    write_tokenizer(root / "data" / "tokenizer", [bytes([n]) for n in range(256)], name="bytes")
    run(StageContext(root=root, params=params, item=None, emit=ignore))
    return root


@pytest.mark.parametrize("step", [1, 37, 250])
def test_the_passages_of_a_step_are_the_tokens_that_its_batch_reads(root, params, step):
    windows = batch_windows(root, params, MODEL, step)
    encoding = load_encoding(root / "data" / "tokenizer")
    texts = {d.id: d for d in read_documents(root / "data" / "corpus" / "train")}
    split = open_split(root / "data" / "tokens", "train")
    batches = Batches(split, context_length=LENGTH, batch_size=8, seed=params.seed)
    assert [window.start for window in windows] == batches.window_starts(step - 1)
    for window in windows:
        found: list[int] = []
        for span, origin in window.passages:
            document = texts[span.id]
            assert origin.location == document.location
            ids = [*encoding.encode_ordinary(document.text), encoding.eot_token]
            assert len(ids) == span.tokens
            found += ids[span.start : span.stop]
        assert found == split.read(window.start, window.start + LENGTH + 1).tolist()


def test_a_batch_is_printed_with_a_line_for_each_document(root, params):
    windows = batch_windows(root, params, MODEL, 3)
    lines = render_batch(windows, MODEL, 3).splitlines()
    assert len(lines) == 1 + 8 + sum(len(window.passages) for window in windows)
    span, origin = windows[0].passages[0]
    assert span.id in lines[2]
    assert f"tokens {span.start}..{span.stop} of {span.tokens}" in lines[2]
    assert f"  {origin.location}  " in lines[2]


@pytest.mark.parametrize("step", [0, 251, -1])
def test_a_step_that_the_run_does_not_have_is_refused(root, params, step):
    with pytest.raises(ConfigError, match="steps run from 1 to 250"):
        batch_windows(root, params, MODEL, step)


def test_an_unknown_model_is_refused_with_the_known_ones(root, params):
    with pytest.raises(ConfigError, match=f"known: .*{MODEL}"):
        batch_windows(root, params, "gpt9", 1)


def test_a_corpus_that_is_not_the_encoded_one_is_found_out(root, params):
    path = root / "data" / "corpus" / "train" / shard_name(0)
    whole = path.read_bytes()
    write_frame(path, as_frame([]))
    everything = replace(
        params.models[MODEL], recipe={"steps": 1, "batch_size_sequences": 200, "warmup_steps": 0}
    )
    changed = replace(params, models=params.models | {MODEL: everything})
    with pytest.raises(CorpusError, match="run `gptpath encode` again"):
        batch_windows(root, changed, MODEL, 1)
    path.write_bytes(whole)
