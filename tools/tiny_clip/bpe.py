"""Learns byte-pair merges, and writes them the way open_clip's `SimpleTokenizer` reads them."""

from __future__ import annotations

import gzip
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable

HEADER = '"tiny_clip bpe" - version: 1'
# The 256 byte symbols, each also with an end-of-word mark, and the start and end of a text.
BASE_SYMBOLS = 2 * 256 + 2

_WORD = re.compile(r'[a-z]+|[0-9]|[^\sa-z0-9]+')


def _merge(symbols: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """Join every occurrence of a pair, from left to right."""
    joined: list[str] = []
    for symbol in symbols:
        if joined and (joined[-1], symbol) == pair:
            joined[-1] += symbol
            # A symbol just made must not take part in this merge again.
            joined.append('')
        else:
            joined.append(symbol)
    return tuple(symbol for symbol in joined if symbol)


def learn_merges(corpus: Iterable[str], count: int) -> list[tuple[str, str]]:
    """Learn merges greedily, the most frequent pair first, ties by alphabet.

    Args:
        corpus: ASCII texts; case does not matter.
        count: how many merges.

    Returns:
        The merges in the order of their rank.
    """
    words: Counter[tuple[str, ...]] = Counter()
    for text in corpus:
        if not text.isascii():
            raise ValueError(f'Byte-pair merges are learned from ASCII text, not {text!r}.')
        for word in _WORD.findall(text.lower()):
            words[(*word[:-1], word[-1] + '</w>')] += 1
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, times in words.items():
            for pair in itertools.pairwise(word):
                pairs[pair] += times
        if not pairs:
            raise ValueError(f'The corpus gives {len(merges)} merges only; ask for fewer.')
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        merged: Counter[tuple[str, ...]] = Counter()
        for word, times in words.items():
            merged[_merge(word, best)] += times
        words = merged
    return merges


def vocabulary_bytes(merges: Iterable[tuple[str, str]]) -> bytes:
    """The gzip file of a vocabulary, the same bytes every time.

    open_clip drops the first line unread and takes every further line as a merge, so there
    must be a header and must not be a newline at the end.
    """
    lines = [HEADER, *(' '.join(pair) for pair in merges)]
    buffer = io.BytesIO()
    with gzip.GzipFile(filename='', mode='wb', compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write('\n'.join(lines).encode('ascii'))
    return buffer.getvalue()
