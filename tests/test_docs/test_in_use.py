"""The config of docs/in-use.md that trains a ResNet of MMPretrain's on cleaned data."""

import numpy as np
from mmengine.config import Config
from mmpretrain.registry import DATASETS

from deft_mm.datasets import sample_table_of
from deft_mm.selection import write_selection
from miniatures import cifar10n
from tests.test_docs.pages import DOCS, blocks, section


def test_a_stock_config_takes_the_kept_samples_as_it_is_printed(tmp_path, monkeypatch):
    text = (DOCS / 'in-use.md').read_text(encoding='utf-8')
    ((_, printed),) = blocks(section(text, 'Train something else on the cleaned data'))
    (tmp_path / 'resnet.py').write_text(printed)
    monkeypatch.chdir(tmp_path)
    cifar10n.make(tmp_path / 'data/cifar10n')
    monkeypatch.setattr('mmengine.dist.barrier', lambda *args: None)
    cfg = Config.fromfile('resnet.py')
    config = cfg.train_dataloader.dataset
    table = sample_table_of(DATASETS.build(config.dataset))
    kept = np.arange(len(table)) % 3 > 0
    (tmp_path / config.selection).parent.mkdir(parents=True)
    table = table.with_columns(kept=kept, score=kept.astype(float), method='HalfSelector')
    write_selection(config.selection, table)
    subset = DATASETS.build(config)
    given = [subset.get_data_info(idx)['gt_label'] for idx in range(len(subset))]
    assert given == [label for i, label in enumerate(cifar10n.WORSE_LABELS) if kept[i]]
    assert subset[0]['inputs'].shape == (3, 32, 32)
    assert cfg.model.backbone.type == 'ResNet_CIFAR'
