import builtins
import gzip
import logging
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from gptpath.config.ingest import Files
from gptpath.errors import ConfigError, CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources import files, listing, packed
from gptpath.text.sources.decoding import BINARY
from gptpath.text.sources.files import FilesSource, cut_into_parts
from gptpath.text.sources.source import Dropped
from tests.shared_data import REAL


def source(raw: Path, **settings) -> FilesSource:
    return FilesSource(settings=Files(**settings), raw=raw)


def read(raw: Path, **settings) -> tuple[list[Document], Counter[str]]:
    """Documents of all units, and drops by reason."""
    opened = source(raw, **settings)
    found = [one for unit in opened.units() for one in opened.read(unit)]
    dropped = Counter(one.reason for one in found if isinstance(one, Dropped))
    return [one for one in found if isinstance(one, Document)], dropped


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01"


@pytest.fixture
def raw(tmp_path) -> Path:
    folder = tmp_path / "raw"
    (folder / "deep").mkdir(parents=True)
    (folder / "b.txt").write_text("Second book.")
    (folder / "deep" / "a.md").write_text("First book.")
    (folder / "c.txt.gz").write_bytes(gzip.compress("Dritte — Büch".encode()))
    with zipfile.ZipFile(folder / "d.zip", "w") as archive:
        archive.writestr("inside/e.txt", "Fourth book.")
        archive.writestr("inside/README.txt", "About.")
        archive.writestr("inside/data.csv", "1,2")
    return folder


def test_texts_of_all_kinds_are_read_in_the_order_of_their_paths(raw):
    documents, dropped = read(raw)
    assert [(d.location, d.group, d.text) for d in documents] == [
        ("b.txt", "b", "Second book."),
        ("c.txt.gz", "c", "Dritte — Büch"),
        ("d.zip/inside/e.txt", "e", "Fourth book."),
        ("deep/a.md", "a", "First book."),
    ]
    assert dropped == {listing.ABOUT_THE_DATA: 1, listing.UNSUPPORTED: 1}


def test_one_file_alone_is_a_source_too(raw):
    (document,), _ = read(raw / "b.txt")
    assert (document,) == tuple(read(raw, path="b.txt")[0])
    assert document.location == "b.txt"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("picture.txt", PNG, BINARY),
        ("picture.png", PNG, listing.UNSUPPORTED),
        ("table.json.gz", gzip.compress(b"{}"), listing.UNSUPPORTED),
        ("cut.txt.gz", gzip.compress(b"words " * 1000)[:-20], listing.TRUNCATED),
        ("not.txt.gz", b"plain words", listing.UNREADABLE),
        ("not.zip", b"plain words", listing.UNREADABLE),
        ("blank.txt", b" \n\r\n", listing.EMPTY),
        (".hidden.txt", b"words", listing.HIDDEN),
        ("README", b"words", listing.ABOUT_THE_DATA),
        ("SOURCE_README.md", b"words", listing.ABOUT_THE_DATA),
        ("LICENSE.txt", b"words", listing.ABOUT_THE_DATA),
        ("Licence-MIT.txt", b"words", listing.ABOUT_THE_DATA),
        ("MANIFEST.tsv", b"words", listing.ABOUT_THE_DATA),
    ],
)
def test_an_unusable_file_is_a_counted_drop_and_loses_nothing_else(
    raw, name, content, reason, caplog
):
    caplog.set_level(logging.INFO)
    documents, dropped = read(raw)
    (raw / name).write_bytes(content)
    documents_after, dropped_after = read(raw)
    assert documents_after == documents
    assert dropped_after - dropped == {reason: 1}
    assert name in caplog.text


def test_a_damaged_member_of_an_archive_keeps_the_members_before_it(raw):
    path = raw / "d.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.txt", "Sound text.")
        archive.writestr("b.txt", "Damaged text.")
    path.write_bytes(path.read_bytes().replace(b"Damaged", b"damaged"))
    documents, dropped = read(path)
    assert [d.text for d in documents] == ["Sound text."]
    assert dropped == {listing.UNREADABLE: 1}


def test_an_empty_folder_says_what_to_put_there(tmp_path):
    with pytest.raises(CorpusError, match="no files; put the data there"):
        source(tmp_path).units()


def test_links_are_read_to_files_and_named_in_the_log_to_folders(raw, tmp_path, caplog):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "f.txt").write_text("Fifth book.")
    (raw / "folder").symlink_to(elsewhere)
    (raw / "gone.txt").symlink_to(tmp_path / "nowhere")
    (raw / "file.txt").symlink_to(elsewhere / "f.txt")
    documents, _ = read(raw)
    assert "file.txt" in {document.location for document in documents}
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    assert f"{raw / 'folder'} of the source 'files' is a link to a folder" in warnings[0]
    assert f"{raw / 'gone.txt'} of the source 'files' is a link to nothing" in warnings[1]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CorpusError, match="nowhere of the source 'files' does not exist"):
        source(tmp_path, path="nowhere").units()


def test_small_files_share_a_unit_and_a_large_one_has_its_own(raw, monkeypatch):
    whole = read(raw)
    monkeypatch.setattr(listing, "UNIT_BYTES", 300)
    (raw / "large.txt").write_text("word " * 1000)
    units = source(raw).units()
    assert [unit.parts for unit in units] == [
        ("b.txt", "c.txt.gz"),
        ("d.zip",),
        ("deep/a.md",),
        ("large.txt",),
    ]
    assert [unit.key for unit in units] == ["b.txt", "d.zip", "deep/a.md", "large.txt"]
    (raw / "large.txt").unlink()
    assert read(raw) == whole


def test_a_long_text_comes_in_numbered_parts(tmp_path):
    (tmp_path / "long.txt").write_bytes(b"A paragraph of words.\r\n\r\n" * 10)
    documents, _ = read(tmp_path, part_chars=50)
    assert [d.location for d in documents] == [f"long.txt#{n:04d}" for n in range(5)]
    assert all(d.text == "A paragraph of words.\n\nA paragraph of words." for d in documents)
    assert {d.group for d in documents} == {"long"}


def test_parts_end_at_paragraphs_and_join_to_the_whole():
    text = "\n\n".join(f"Paragraph {n} " + "word " * (n % 9) + "end." for n in range(60))
    parts = cut_into_parts(text, 200)
    assert "\n\n".join(parts) == text
    assert all(len(part) <= 200 and part.endswith("end.") for part in parts)


def test_a_paragraph_that_is_too_long_is_cut_at_lines_sentences_and_at_last_anywhere():
    for text in ("line of words\n" * 50, "One sentence. " * 50, "word " * 100, "x" * 500):
        parts = cut_into_parts(text, 120)
        assert all(len(part) <= 120 for part in parts)
        assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.endswith("ce. ") for part in cut_into_parts("One sentence. " * 50, 120))


PAGE = """<html><head><meta charset="{charset}"><title>On apples — a study</title></head>
<body><nav><a href="/">Home</a> <a href="/buy">Buy now</a></nav>
<article><h1>Apples</h1><p>The apple is the fruit of a tree that has been grown for thousands of
years in Asia and in Europe — “many” sorts of it are known.</p><p>A second paragraph says what the
first has left out, at some length, so that it cannot be taken for a menu.</p></article>
<footer>Copyright nobody. All rights reserved.</footer></body></html>"""


def page(charset: str = "utf-8") -> bytes:
    return PAGE.format(charset=charset).encode(charset)


def test_of_a_page_the_main_text_and_the_title_are_kept(tmp_path):
    pytest.importorskip("trafilatura")
    (tmp_path / "apples.html").write_bytes(page())
    ((document,), _) = read(tmp_path)
    assert document.text.startswith("Apples\nThe apple is the fruit of a tree")
    assert document.text.endswith("cannot be taken for a menu.")
    assert "Buy now" not in document.text
    assert document.group == "apples"
    assert document.metadata == {"encoding": "utf-8", "title": "Apples"}


def test_a_page_without_main_text_is_counted(tmp_path):
    pytest.importorskip("trafilatura")
    (tmp_path / "picture.htm").write_text("<html><body><img src=a.png></body></html>")
    (tmp_path / "broken.html").write_text("<" * 5000 + "\x01<?xml encoding='x'?>")
    assert read(tmp_path) == ([], {files.NO_MAIN_TEXT: 2})


def test_without_the_extractor_the_extra_to_install_is_named(tmp_path, monkeypatch):
    def refuse(name, *rest):
        if name == "trafilatura":
            raise ImportError(name)
        return real(name, *rest)

    real = builtins.__import__
    (tmp_path / "apples.html").write_bytes(page())
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r"pip install 'gptpath\[web\]'"):
        read(tmp_path)


def test_packed_texts_are_read_in_and_outside_of_archives(tmp_path):
    pytest.importorskip("trafilatura")
    contents = {
        "a.txt.zst": zstandard.compress(b"One."),
        "b.zst": zstandard.compress(b"Two."),
        "c.md.gz": gzip.compress(b"Three."),
        "d.html.zst": zstandard.compress(page("windows-1252")),
        "e.htm": page("utf-16"),
        "f.json.zst": zstandard.compress(b"{}"),
        "g.txt.zst": zstandard.compress(b"Four.")[:-1],
        "h.tar.gz": gzip.compress(b"x"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    loose, dropped = read(tmp_path)
    assert [d.text for d in loose[:3]] == ["One.", "Two.", "Three."]
    assert "“many” sorts" in loose[3].text
    assert loose[4].text == loose[3].text
    assert [d.group for d in loose] == ["a", "b", "c", "d", "e"]
    assert dropped == {listing.UNSUPPORTED: 2, listing.TRUNCATED: 1}
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.writestr("within.zip", b"")
    members, dropped = read(tmp_path, path="all.zip")
    assert [(d.location, d.group, d.text) for d in members] == [
        (f"all.zip/{d.location}", d.group, d.text) for d in loose
    ]
    assert dropped == {listing.UNSUPPORTED: 3, listing.TRUNCATED: 1}


@pytest.mark.parametrize("separator", ["\n\n", "\r\n\r\n", "\n", " ", ""])
def test_a_text_too_large_for_memory_is_read_in_blocks_without_loss(
    tmp_path, monkeypatch, separator
):
    text = separator.join(f"Passage {n} of a très long tale." for n in range(200))
    (tmp_path / "long.txt").write_bytes(text.encode())
    (tmp_path / "long.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "short.txt").write_text("Short.")
    monkeypatch.setattr(packed, "BLOCK_BYTES", 1000)
    documents, dropped = read(tmp_path, part_chars=300)
    for name in ("long.txt", "long.txt.gz"):
        parts = [d for d in documents if d.location.startswith(f"{name}#")]
        assert [d.location for d in parts] == [f"{name}#{n:04d}" for n in range(len(parts))]
        assert len(parts) > 20
        assert "".join("".join(d.text for d in parts).split()) == "".join(text.split())
        assert all(len(d.text) <= 300 and d.metadata["encoding"] == "utf-8" for d in parts)
    assert [d.location for d in documents][-1] == "short.txt"
    assert not dropped


def test_a_page_or_wide_text_too_large_for_memory_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(packed, "BLOCK_BYTES", 1000)
    (tmp_path / "a.html").write_bytes(page() * 2)
    (tmp_path / "b.txt").write_bytes(("words " * 500).encode("utf-16"))
    assert read(tmp_path) == ([], {packed.TOO_LARGE: 2})


@pytest.mark.skipif(not (REAL / "books").is_dir(), reason="the published books are not here")
def test_real_books_are_all_read_and_papers_about_them_are_not():
    documents, dropped = read(REAL / "books", part_chars=10_000_000)
    assert len(documents) == 52
    assert dropped == {listing.ABOUT_THE_DATA: 2}
    encodings = {d.location.split("/")[-1]: d.metadata["encoding"] for d in documents}
    assert encodings["1661-8.txt.gz"] != "utf-8"
    holmes = next(d for d in documents if d.group == "1661-8")
    assert "à" in holmes.text
    assert "\r" not in holmes.text


@pytest.mark.skipif(not (REAL / "mrpc").is_dir(), reason="the published data sets are not here")
def test_real_pages_of_a_word_processor_are_read_in_the_encoding_that_they_state(tmp_path):
    pytest.importorskip("trafilatura")
    (tmp_path / "terms.htm").write_bytes(
        (REAL / "mrpc" / "Microsoft_Shared_Source_License.htm").read_bytes()
    )
    (tmp_path / "about.htm").write_bytes((REAL / "mrpc" / "msr_paraphrase_README.htm").read_bytes())
    (about, terms), _ = read(tmp_path)
    assert terms.metadata == {"encoding": "cp932", "title": "Microsoft Shared Source License"}
    assert terms.text.startswith("Microsoft Research Paraphrase Corpus")
    assert about.metadata["encoding"] == "cp1252"
    assert "“earlier studies….”" in about.text
    assert "font-face" not in about.text + terms.text
