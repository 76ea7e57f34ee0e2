"""The rules of C4 that remove lines, not documents (Raffel et al. 2020, sec. 2.2)."""

import polars as pl

from gptpath.config.cleaning import C4

_POLICIES = "terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
_CITATIONS = r"\[\d*\]|\[edit\]|\[citation needed\]"
_TERMINAL = r"""[.?!"”]$"""


def without_bad_lines(texts: pl.Series, rules: C4) -> pl.Series:
    """Texts without citation marks, and without the lines that C4 leaves out.

    Lines go that lack terminal punctuation, have few words or a very long one, or speak of
    JavaScript or of a site's policies; empty lines go with them. As in the released code, a line
    for which the whole document will be dropped stays.
    """
    while texts.str.contains(_CITATIONS).any():
        texts = texts.str.replace_all(_CITATIONS, "")
    rows = pl.DataFrame({"row": pl.int_range(len(texts), eager=True), "line": texts})
    lines = rows.with_columns(pl.col("line").str.split("\n")).explode("line")
    lines = lines.with_columns(pl.col("line").str.strip_chars())
    lines = lines.filter(_is_sentence(rules), ~_has_long_word(lines["line"], rules.max_word_chars))
    kept = lines.group_by("row", maintain_order=True).agg(pl.col("line").str.join("\n"))
    return (
        rows.select("row")
        .join(kept, on="row", how="left", maintain_order="left")["line"]
        .fill_null("")
    )


def _is_sentence(rules: C4) -> pl.Expr:
    line = pl.col("line").str
    long = line.count_matches(r"\S+") >= rules.min_words_per_line
    ended = line.contains(_TERMINAL) & ~line.ends_with("...")
    drops_page = line.contains("(?i)lorem ipsum")
    script = line.contains("(?i)javascript")
    about_site = line.contains(f"(?i){_POLICIES}") & ~line.contains("{", literal=True)
    prose = drops_page | ~(script | about_site)
    return long & prose & (ended if rules.terminal_punctuation else True)


def _has_long_word(lines: pl.Series, most: int) -> pl.Series:
    suspects = lines.str.len_chars() > most
    flags = [max(map(len, line.split()), default=0) > most for line in lines.filter(suspects)]
    return suspects.scatter(suspects.arg_true(), flags) if flags else suspects
