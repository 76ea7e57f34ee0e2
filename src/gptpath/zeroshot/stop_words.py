"""English function words, our own list, for LAMBADA's stop-word filter (GPT-2 sec. 3.3).

OpenAI did not release its list. This one has a name, so that scores with another list are not
taken for the same number.
"""

from gptpath.tokens.encoding import Encoding

NAME = "gptpath-function-words-1"
_LISTED = """
    a an the this that these those some any no every each either neither both all another such
    i me my mine myself you your yours yourself he him his himself she her hers herself it its
    itself we us our ours ourselves they them their theirs themselves who whom whose which what
    whoever whatever one ones something anything nothing everything someone anyone everyone
    am is are was were be been being have has had having do does did doing done will would shall
    should can could may might must ought
    and or but nor so yet if then else than because although though while whereas unless until
    when where why how as since whether
    of in on at by for with from to into onto upon about above below over under between among
    through during before after behind beyond against along across around near off out up down
    away back without within toward towards
    not never ever only just also too very quite rather again already still even there here now
    once perhaps maybe almost always often much many more most less few own same other
"""
WORDS: tuple[str, ...] = tuple(_LISTED.split())


def barred_tokens(encoding: Encoding) -> tuple[int, ...]:
    """Ids that spell a whole function word by themselves, after a blank or not, in any case."""
    found: set[int] = set()
    for word in WORDS:
        for spelt in (word, word.capitalize(), word.upper()):
            for text in (spelt, " " + spelt):
                ids = encoding.encode_ordinary(text)
                if len(ids) == 1:
                    found.add(ids[0])
    return tuple(sorted(found))
