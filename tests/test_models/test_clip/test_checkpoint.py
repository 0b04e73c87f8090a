"""Checkpoints are read in every layout, and never run code."""

import os
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from clip_utils import VIT, random_clip
from deft_mm.models.clip.checkpoint import OPENAI_MARKS, read_weights


@pytest.fixture(scope='module')
def state():
    torch.manual_seed(0)
    return random_clip(VIT).state_dict()


def _custom_text(state):
    names = {
        name: name if name.startswith(('visual.', 'logit_')) else f'text.{name}' for name in state
    }
    return {names[name]: value for name, value in state.items()}


def _legacy(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


WRITERS = {
    'plain.pt': torch.save,
    'lazy.safetensors': lambda state, path: save_file(
        {name: value.contiguous() for name, value in state.items()}, path
    ),
    'legacy.bin': _legacy,
    'training.pt': lambda state, path: torch.save(
        dict(
            epoch=3,
            state_dict=OrderedDict((f'module.{name}', value) for name, value in state.items()),
        ),
        path,
    ),
    'custom_text.pth': lambda state, path: torch.save(_custom_text(state), path),
    'openai.pt': lambda state, path: torch.save(
        dict(state, input_resolution=torch.tensor(32), context_length=77, vocab_size=49408), path
    ),
}


@pytest.mark.parametrize('name', WRITERS)
def test_every_layout_gives_the_same_tensors_by_the_same_names(name, state, tmp_path):
    WRITERS[name](dict(state), tmp_path / name)
    weights = read_weights(tmp_path / name)
    expected = _custom_text(state)
    marks = OPENAI_MARKS if name == 'openai.pt' else set()
    assert set(weights) == set(expected) | marks
    for key, value in expected.items():
        assert torch.equal(weights[key], value)


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('save', [torch.save, _legacy])
def test_hostile_pickle_is_refused_and_never_runs(save, state, tmp_path):
    proof = tmp_path / 'ran'
    save(dict(state, extra=Hostile(proof)), tmp_path / 'hostile.pt')
    with pytest.raises(ValueError, match='weights_only=True'):
        read_weights(tmp_path / 'hostile.pt')
    assert not proof.exists()


def test_torchscript_archive_is_refused_with_the_way_out(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / 'ViT-B-16.pt'))
    with pytest.raises(ValueError, match='TorchScript') as error:
        read_weights(tmp_path / 'ViT-B-16.pt')
    assert 'state_dict()' in str(error.value)
    assert "clip.pretrained='openai'" in str(error.value)


@pytest.mark.parametrize('name', ['damaged.pt', 'damaged.safetensors', 'weights.npz'])
def test_unreadable_files_are_named(name, tmp_path):
    (tmp_path / name).write_bytes(b'no weights')
    with pytest.raises(ValueError, match=name):
        read_weights(tmp_path / name)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ([1, 2], 'no state dict, but list'),
        ({'visual.proj': 'text'}, "'visual.proj' is no tensor"),
        ({'backbone.conv1.weight': torch.zeros(1)}, 'load_from'),
    ],
)
def test_other_content_is_refused(content, message, tmp_path):
    torch.save(content, tmp_path / 'other.pt')
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / 'other.pt')
