import hashlib

from gptpath.text.duplicates.deduplication import fingerprint


def test_case_and_white_space_do_not_count_and_words_do():
    assert fingerprint("The Same  words.\n") == fingerprint("the same words.")
    assert fingerprint("The same words.") != fingerprint("other words.")


def test_white_space_of_any_script_is_left_out_of_fingerprints():
    spaces = [chr(point) for point in range(0x110000) if chr(point).isspace()]
    for text in ("Straße eins", "plain ascii", "“quotes”"):
        plain = hashlib.blake2b("".join(text.casefold().split()).encode(), digest_size=16).digest()
        for space in spaces:
            assert fingerprint(f"{space}{text.replace(' ', space)}{space}") == plain
