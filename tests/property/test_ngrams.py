from hypothesis import given
from hypothesis import strategies as st

from gptpath.contamination.ngrams import WORD, NgramHasher

TEXTS = st.lists(st.text(alphabet="abAB é.,1 \n_", max_size=40), max_size=6)


@given(texts=TEXTS, n=st.integers(1, 4))
def test_hashes_are_equal_exactly_where_ngrams_are(texts: list[str], n: int) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for text, hashes in zip(texts, NgramHasher(n).hash_texts(texts), strict=True):
        words = WORD.findall(text.lower())
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        assert len(hashes) == len(grams)
        for gram, value in zip(grams, hashes.tolist(), strict=True):
            assert seen.setdefault(gram, value) == value
    assert len(set(seen.values())) == len(seen)


@given(texts=TEXTS)
def test_hashes_do_not_depend_on_the_company_of_other_texts(texts: list[str]) -> None:
    together = NgramHasher(2).hash_texts(texts)
    for text, hashes in zip(texts, together, strict=True):
        [alone] = NgramHasher(2).hash_texts([text])
        assert alone.tolist() == hashes.tolist()
