import polars as pl

from gptpath.text.documents import as_frame
from gptpath.text.drops import SAMPLE_CHARS, SAMPLES, DropTally, lowest
from gptpath.text.sources.source import Dropped


def test_everything_is_counted_and_the_samples_are_those_of_the_lowest_ids(document):
    documents = [document(f"Text {n}. " + "x" * 300, location=f"m:{n}") for n in range(40)]
    tally = DropTally()
    for start in range(0, 40, 7):
        frame = as_frame(documents[start : start + 7]).with_columns(reason=pl.lit("too_long"))
        tally.add_documents(frame)
    assert tally.counts == {"too_long": 40}
    expected = sorted(documents, key=lambda d: d.id)[:SAMPLES]
    samples = tally.samples()
    assert samples["id"].to_list() == [d.id for d in expected]
    assert samples["text"].to_list() == [d.text[:SAMPLE_CHARS] for d in expected]


def test_files_without_a_document_are_samples_too():
    tally = DropTally()
    tally.add(Dropped(location="a.bin", reason="file_binary"), "books")
    [row] = tally.samples().to_dicts()
    assert (row["reason"], row["source"], row["location"]) == ("file_binary", "books", "a.bin")


def test_a_file_name_that_is_no_unicode_is_shown_as_far_as_it_is():
    tally = DropTally()
    tally.add(Dropped(location="caf\udce9.txt", reason="file_binary"), "books")
    assert tally.samples()["location"].to_list() == ["caf?.txt"]


def test_merging_samples_in_any_order_gives_the_same(document):
    tables = []
    for n in range(6):
        tally = DropTally()
        documents = [document(f"Text {n} {m}.") for m in range(5)]
        tally.add_documents(as_frame(documents).with_columns(reason=pl.lit("too_short")))
        tables.append(tally.samples())
    one, other = lowest(pl.concat(tables)), lowest(pl.concat(tables[::-1]))
    assert one.equals(other)
    assert len(one) == SAMPLES
