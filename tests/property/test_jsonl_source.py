import json
import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.config.ingest import Jsonl
from gptpath.text.documents import Document
from gptpath.text.sources import jsonl, listing
from gptpath.text.sources.jsonl import JsonlSource

LINES = st.lists(
    st.one_of(
        st.text(min_size=1).map(lambda text: json.dumps({"text": text + "."}).encode()),
        st.sampled_from([b"", b"{", b"[]", b'{"text": ""}', b'{"text": "\xff"}', b"\r"]),
    ),
    max_size=30,
)


@settings(deadline=None, max_examples=150)
@given(lines=LINES, unit_bytes=st.integers(1, 200), ended=st.booleans())
def test_units_read_every_line_exactly_once_however_a_file_is_cut(lines, unit_bytes, ended):
    content = b"\n".join(lines) + b"\n" * ended
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a.jsonl").write_bytes(b'{"text": "first"}\n' + content)
        source = JsonlSource(settings=Jsonl(), raw=folder)
        (unit,) = source.units()
        whole = list(source.read(unit))
        with (
            mock.patch.object(jsonl, "UNIT_BYTES", unit_bytes),
            mock.patch.object(listing, "UNIT_BYTES", unit_bytes),
        ):
            units = source.units()
        assert [unit.key for unit in units] == sorted({unit.key for unit in units})
        assert sum(unit.size for unit in units) == (folder / "a.jsonl").stat().st_size
        assert [one for unit in units for one in source.read(unit)] == whole
    good = [json.loads(line)["text"] for line in lines if line.endswith(b'."}')]
    assert [one.text for one in whole if isinstance(one, Document)] == ["first", *good]
    blank = sum(not line.strip() for line in lines)
    assert len(whole) == 1 + len(lines) - blank
