import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.tokens.shards import SplitWriter, open_split, write_index

DOCUMENTS = st.lists(st.lists(st.integers(0, 99), max_size=20), max_size=12)


@settings(deadline=None, max_examples=60)
@given(documents=DOCUMENTS, shard_tokens=st.integers(1, 40), data=st.data())
def test_shards_cover_every_token_once_in_order(documents, shard_tokens, data):
    stream = [token for ids in documents for token in ids]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer = SplitWriter(folder, "x", vocab_size=100, shard_tokens=shard_tokens)
        for ids in documents:
            writer.append(ids, text_bytes=len(ids))
        write_index(folder, vocab_size=100, splits={"x": writer.finish()})
        split = open_split(folder, "x", verify=True)
        assert len(split) == split.text_bytes == len(stream)
        assert split.read(0, len(split)).tolist() == stream
        start = data.draw(st.integers(0, len(stream)))
        stop = data.draw(st.integers(start, len(stream)))
        assert split.read(start, stop).tolist() == stream[start:stop]
        pieces = [split.read(i, min(i + 3, len(split))).tolist() for i in range(0, len(split), 3)]
        assert [token for piece in pieces for token in piece] == stream
