"""What CLIP reads of the name of a class."""

from __future__ import annotations

from open_clip.tokenizer import get_clean_fn

_clean = get_clean_fn('lower')


def words_of(name: str) -> str:
    """The words of a name, as prompts have them: 'aquarium fish' of 'aquarium_fish'.

    Args:
        name (str): Name of a class.

    Returns:
        str: Its words.
    """
    return ' '.join(name.replace('_', ' ').split())


def words_read(name: str) -> str:
    """What the tokenizer makes of these: lower case, composed letters, no HTML.

    Args:
        name (str): Name of a class.

    Returns:
        str: Equal for names that CLIP can't tell apart.
    """
    return _clean(words_of(name))
