from gptpath.text.labelled.prose import is_natural, plain, prose_of, split_sentences, words_of

NUMPY_STYLE = """Return evenly spaced values.

Values are made within the given interval. For whole numbers
this is like :func:`range`, but an ``ndarray`` comes back [1]_.

.. versionadded:: 1.0

Parameters
----------
start : int
    The first value of the whole interval. It may be left out.
step : int
    Spacing between two of the values.

Returns
-------
arange : ndarray
    The array of evenly spaced values.

See Also
--------
linspace : Evenly spaced numbers, careful with the end of it.

Examples
--------
This shows how the function may be used.

>>> arange(3)
array([0, 1, 2])
"""

GOOGLE_STYLE = """Upload one large file.

Args:
    path: The file on this machine that is to be sent.
        It must be readable by everybody.
    parts (int): Into how many parts the file is cut.

Returns:
    The address of the file on the other machine.
"""


def test_a_numpy_docstring_yields_summary_prose_and_descriptions(document):
    prose = prose_of(document(NUMPY_STYLE))
    assert prose.summary == "Return evenly spaced values."
    assert prose.runs == [
        [
            "Return evenly spaced values.",
            "Values are made within the given interval.",
            "For whole numbers this is like range, but an ndarray comes back.",
        ],
        ["The first value of the whole interval.", "It may be left out."],
        ["Spacing between two of the values."],
        ["The array of evenly spaced values."],
    ]
    assert prose.body == prose.sentences[1:]


def test_a_google_docstring_yields_its_descriptions_each_by_itself(document):
    assert prose_of(document(GOOGLE_STYLE)).runs == [
        ["Upload one large file."],
        [
            "The file on this machine that is to be sent.",
            "It must be readable by everybody.",
        ],
        ["Into how many parts the file is cut."],
        ["The address of the file on the other machine."],
    ]


def test_code_lists_and_tables_are_no_prose(document):
    text = (
        "Title line here now.\n\n    indented = code()\n\n- item one of it\n\n| a | b |\n\n>>> x\n1"
    )
    assert prose_of(document(text)).body == []


def test_a_docstring_that_begins_with_code_has_no_summary(document):
    assert prose_of(document("x = f(y)\n\nThis sentence has five words.")).summary is None
    assert prose_of(document("Like this one here::\n\n    code")).summary is None


def test_books_have_no_summary_and_one_line_paragraphs_are_apart(document):
    line = "He went down to the sea again. " * 10
    prose = prose_of(document(f"{line}\n{line}", kind="files"))
    assert prose.summary is None
    assert len(prose.sentences) == 20


def test_sentences_end_at_full_stops_but_not_after_abbreviations():
    text = 'See e.g. Figure 2, cf. Smith et al. Then Mr. J. Brown left. "Did he?" Yes! It is 3.5 m.'
    assert split_sentences(text) == [
        "See e.g. Figure 2, cf. Smith et al. Then Mr. J. Brown left.",
        '"Did he?"',
        "Yes!",
        "It is 3.5 m.",
    ]


def test_markup_is_taken_out():
    given = "Use :class:`~a.b.Model` or ``x`` and `title <url>`_ with *care* [2]_."
    assert plain(given) == "Use a.b.Model or x and title <url> with care."


def test_natural_sentences_are_whole_and_mostly_words():
    assert is_natural("This is a natural sentence.")
    assert is_natural("If n_jobs is None, one job runs (or more).")
    for text in (
        "too short.",
        "no capital letter is here at all.",
        "This one has no end",
        "Set x = 3 in the formula f(x).",
        "A 1 2 3 4 5 row of numbers.",
        "Word " * 60 + "end.",
    ):
        assert not is_natural(text)


def test_words_leave_punctuation_out():
    assert words_of("Don't (really) split well-known words, 42!") == [
        "Don't",
        "really",
        "split",
        "well-known",
        "words",
    ]
