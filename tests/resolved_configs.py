"""What every config comes to when its bases are merged, as one digest a config.

python tests/resolved_configs.py                                       # renew the list
python tests/resolved_configs.py configs/deft/deft_digits_sym40.py     # show what is digested
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from mmengine.config import Config

REPO = Path(__file__).parent.parent
LIST = REPO / 'tests' / 'data' / 'resolved_configs.txt'


def resolved_text(path: str | Path) -> str:
    """A config's settings, a line each, sorted, and the order of its hooks, which they run in."""
    cfg = Config.fromfile(path, import_custom_modules=False)
    hooks = enumerate(cfg.get('default_hooks', {}))
    lines = [*_settings(cfg.to_dict()), *(f'hook {number}: {name}' for number, name in hooks)]
    return '\n'.join(lines)


def _settings(value, key: str = ''):
    if isinstance(value, dict) and value:
        for name in sorted(value):
            yield from _settings(value[name], f'{key}.{name}' if key else name)
    elif isinstance(value, (list, tuple)) and value:
        yield f'{key}: {type(value).__name__} of {len(value)}'
        for index, item in enumerate(value):
            yield from _settings(item, f'{key}[{index}]')
    else:
        yield f'{key} = {value!r}'


def digests() -> dict[str, str]:
    """The digest of every config of a method, by its path in the repo."""
    paths = sorted(path for path in REPO.glob('configs/*/*.py') if path.parent.name != '_base_')
    return {
        path.relative_to(REPO).as_posix(): hashlib.sha256(resolved_text(path).encode()).hexdigest()[
            :16
        ]
        for path in paths
    }


def listed_digests() -> dict[str, str]:
    """The digests in the list."""
    return dict(line.split()[::-1] for line in LIST.read_text().splitlines())


if __name__ == '__main__':
    if sys.argv[1:]:
        print(resolved_text(sys.argv[1]))
    else:
        LIST.write_text(''.join(f'{digest} {path}\n' for path, digest in digests().items()))
