"""A narrative as the automaton reads it: lower case, a space of its own on either side of every word.

So a phrase, folded likewise, is found only where whole words stand, and one find never takes a letter or
a space that the next one needs.

``fold`` is linear in the text it keeps, whatever is in it, and forgets nothing that tells words apart:
capitals, spaces, quotation marks and hyphens go, full stops and the like become a clause's end.
"""

import re

LONGEST = 20_000
"""Characters read of one entry; what a person typed is shorter, and no input may make reading slow."""

CLAUSE_END = " . "
"""How the end of a clause stands in folded text."""

BETWEEN = "  "
"""What stands between two words."""

_ENDS = ".;:!?|\n\r"
_PLAIN = {code: " " for code in range(128) if not chr(code).isalnum()}
_PLAIN |= {ord("'"): "'", ord("/"): "/", ord("&"): "&", ord("%"): "%", ord("£"): "£"}
_PLAIN |= {ord(end): "." for end in _ENDS}
_TABLE = str.maketrans({chr(code): to for code, to in _PLAIN.items() if code < 128})
_ODD = re.compile(r"[^\x00-\x7f\w£]+")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2026": "."})


def fold(text: str) -> str:
    """Folded text; the same words give the same string."""
    text = text[:LONGEST].lower()
    if not text.isascii():
        text = _ODD.sub(" ", text.translate(_QUOTES))
    text = f" {text.translate(_TABLE)} "
    if "&" in text:
        text = text.replace("&", " and ")
    if "/" in text:
        # A slash between spaces divides sentences in many feeds; elsewhere it joins words.
        text = text.replace(" / ", " . ").replace("/", " ")
    if "'" in text:
        text = text.replace("'s ", " 's ")
    text = text.replace(".", " . ")
    while BETWEEN in text:
        text = text.replace(BETWEEN, " ")
    return text.replace(" ", BETWEEN)[1:-1]
