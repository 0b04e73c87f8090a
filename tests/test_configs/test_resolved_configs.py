"""A config changes what it comes to only where that is meant."""

from resolved_configs import LIST, REPO, digests, listed_digests


def test_every_config_comes_to_what_the_list_says():
    found, listed = digests(), listed_digests()
    changed = sorted(path for path in {*found, *listed} if found.get(path) != listed.get(path))
    assert not changed, (
        f'{len(changed)} configs are new, gone or come to other settings: {", ".join(changed)}. '
        'Compare what `python tests/resolved_configs.py CONFIG` shows before and after; if it is '
        f'meant, renew {LIST.relative_to(REPO)}: python tests/resolved_configs.py'
    )
