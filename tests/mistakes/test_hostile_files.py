"""No file that people exchange runs code: configs are programs, and nothing else is.

Files of all kinds hold what would make a folder if a reader unpickled, executed or built it.
"""

import contextlib
import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from deft_mm.comparison import read_plan, read_results
from deft_mm.engine.checkpoint_loading import load_local_checkpoint
from deft_mm.evaluation import DetectionCurve
from deft_mm.models.clip.checkpoint import read_weights
from deft_mm.selection.exchange import read_kept
from tests.mistakes.test_data_files import READERS, make_images, own_images


class MakesFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def torch_zip(hostile: MakesFolder) -> bytes:
    file = io.BytesIO()
    torch.save(dict(clean_label=hostile, state_dict=dict(x=hostile)), file)
    return file.getvalue()


def numpy_zip(hostile: MakesFolder) -> bytes:
    file = io.BytesIO()
    array = np.array([hostile], dtype=object)
    np.savez(file, clean_label=array, worse_label=array)
    return file.getvalue()


def numpy_array(hostile: MakesFolder) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([hostile] * 6, dtype=object))
    return file.getvalue()


HOSTILE = dict(
    pickle=lambda hostile: pickle.dumps(hostile, protocol=2),
    torch=torch_zip,
    npz=numpy_zip,
    npy=numpy_array,
    yaml=lambda hostile: f'configs: !!python/object/apply:os.mkdir [{hostile.path}]'.encode(),
    json=lambda hostile: f'{{"py/reduce": ["os.mkdir", "{hostile.path}"]}}'.encode(),
    python=lambda hostile: f'import os\nos.mkdir({str(hostile.path)!r})\n'.encode(),
)
KINDS = READERS | {
    'kept.npz': READERS['noise.npy'],
    **{
        f'indices{ending}': lambda root, path: lambda: read_kept(path, 6)
        for ending in ('.npy', '.npz', '.json', '.txt', '.pt')
    },
    'epoch_1.pth': lambda root, path: lambda: load_local_checkpoint(str(path)),
    'clip.pt': lambda root, path: lambda: read_weights(path),
    'clip.safetensors': lambda root, path: lambda: read_weights(path),
    'plan.yml': lambda root, path: lambda: read_plan(path),
    'plan.json': lambda root, path: lambda: read_plan(path),
    'detection_curve.csv': lambda root, path: lambda: DetectionCurve.read(path),
}


@pytest.mark.parametrize('content', HOSTILE)
@pytest.mark.parametrize('name', KINDS)
def test_a_hostile_file_is_refused_and_runs_nothing(tmp_path, name, content):
    make_images(tmp_path / 'images')
    path, made = tmp_path / 'images' / name, tmp_path / 'made'
    path.write_bytes(HOSTILE[content](MakesFolder(made)))
    with pytest.raises((ValueError, pickle.UnpicklingError, RuntimeError)):
        KINDS[name](tmp_path / 'images', path)()
    assert not made.exists()


@pytest.mark.parametrize('content', HOSTILE)
def test_a_hostile_image_is_left_out(tmp_path, content):
    make_images(tmp_path)
    made = tmp_path.parent / 'made_by_an_image'
    (tmp_path / 'cat/x.jpg').write_bytes(HOSTILE[content](MakesFolder(made)))
    report = own_images(tmp_path, val_ratio=0.4).report
    assert [problem.path for problem in report.problems if not problem.used] == [
        str(tmp_path / 'cat/x.jpg')
    ]
    assert not made.exists()


@pytest.mark.parametrize('content', HOSTILE)
def test_a_hostile_folder_of_a_run_gives_a_table_and_runs_nothing(tmp_path, content):
    made = tmp_path / 'made'
    hostile = HOSTILE[content](MakesFolder(made))
    run = tmp_path / 'runs/run'
    run.mkdir(parents=True)
    for name in ('config.py', 'config.json', 'config.yml', 'epoch_1.pth', 'last_checkpoint'):
        (run / name).write_bytes(hostile)
    for summary in (b'{"config": "config.py", "epochs": []}', hostile):
        (run / 'summary.json').write_bytes(summary)
        with contextlib.suppress(FileNotFoundError, ValueError):  # no run can be read
            read_results([tmp_path / 'runs'])
    assert not made.exists()
