"""What a ``clip`` config value means: architecture, activation and where the weights are."""

import dataclasses
import difflib
import inspect
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import open_clip

_ASSETS = Path(__file__).resolve().parents[2] / 'assets'
# The CLIPs that ship with the package: 'tiny-weak' is one whose training was ended early.
BUILT_IN = {'tiny': _ASSETS / 'tiny_clip', 'tiny-weak': _ASSETS / 'tiny_clip_weak'}
LOCAL_DIR = 'local-dir:'
QUICK_GELU_SUFFIX = '-quickgelu'

CLIP_KEYS = ('model', 'pretrained', 'quick_gelu', 'cache_dir')
# What open_clip's model classes take, and what it chooses the class by.
MODEL_KEYS = {*inspect.signature(open_clip.CustomTextCLIP).parameters} - {'cast_dtype'}
MODEL_KEYS |= {'custom_text', 'multimodal_cfg'}
# Files that open_clip itself looks for in a local folder, best first.
WEIGHT_FILES = (
    'open_clip_model.safetensors',
    'open_clip_pytorch_model.safetensors',
    'open_clip_pytorch_model.bin',
    'open_clip_pytorch_model.pth',
    'model.safetensors',
    'pytorch_model.bin',
    'pytorch_model.pth',
    'model.pth',
)


@dataclasses.dataclass(frozen=True)
class ClipSpec:
    """A resolved ``clip`` config value. Nothing is read or downloaded yet.

    Attributes:
        name (str): How messages name it, e.g. ``clip.model='ViT-B-16'``.
        model_cfg (dict): open_clip's model config (embed_dim, vision_cfg, text_cfg, ...).
        quick_gelu (bool, optional): Activation that the config or the pretrained tag asks for.
            None leaves it to the checkpoint (OpenAI's mean QuickGELU, others GELU).
        tag (str, optional): Name of downloadable weights.
        tag_cfg (dict, optional): open_clip's description of these.
        path (Path, optional): Local weights file. Both None: random weights.
        cache_dir (str, optional): Where downloads go.
        quick_gelu_tags (tuple[str]): Of a local file for one of open_clip's models: the tags of
            that model whose weights were trained with QuickGELU.
        bpe_path (Path, optional): The model's own BPE vocabulary; None means OpenAI's.
    """

    name: str
    model_cfg: dict
    quick_gelu: bool | None = None
    tag: str | None = None
    tag_cfg: dict | None = None
    path: Path | None = None
    cache_dir: str | None = None
    quick_gelu_tags: tuple[str, ...] = ()
    bpe_path: Path | None = None

    def checkpoint_path(self) -> Path | None:
        """The weights as a local file, downloaded first if they are a pretrained tag.

        Raises:
            FileNotFoundError: The weights can't be downloaded.
        """
        if self.tag is None:
            return self.path
        try:
            with _cache_alone_without_network(self.tag_cfg):
                path = open_clip.download_pretrained(self.tag_cfg, cache_dir=self.cache_dir)
        except Exception as error:  # the hub, urllib and the file system all raise their own kinds
            reason = f'{type(error).__name__}: {error}'
            raise FileNotFoundError(self._download_help(reason)) from error
        if not path:
            raise FileNotFoundError(self._download_help('open_clip knows no source for them'))
        return Path(path)

    def _download_help(self, reason: str) -> str:
        return (
            f'{self.name}, clip.pretrained={self.tag!r}: the weights could not be downloaded '
            f'({reason}). On a machine without network, download them elsewhere '
            f'({self.tag_cfg.get("url") or self.tag_cfg.get("hf_hub")}) and set '
            f"clip.pretrained='/path/to/weights.safetensors' (an open_clip state dict of this "
            f'model) with clip.quick_gelu={self.quick_gelu}, or '
            f"clip.model='{LOCAL_DIR}/path/to/folder' for a folder with "
            f'open_clip_config.json and the weights; clip.cache_dir points to an existing cache.'
        )


def resolve_clip(clip: Mapping | str) -> ClipSpec:
    """Reads a ``clip`` config value.

    Args:
        clip (dict or str): ``dict(model=..., pretrained=None, quick_gelu=None, cache_dir=None)``,
            or one of the strings ``'tiny'``, ``'tiny-weak'`` and ``'local-dir:/path'``. ``model``
            is an open_clip model name, one of these strings or an open_clip model config (dict);
            ``pretrained`` a tag of open_clip's, the path of a state dict, or None (random
            weights).

    Returns:
        ClipSpec: What is to be built, and from which weights.

    Raises:
        TypeError: A value of the wrong type.
        ValueError: An unknown key, model or tag, or activations that contradict each other.
        FileNotFoundError: A missing folder or file.
    """
    clip = _checked_keys(clip)
    model, pretrained, quick_gelu = (clip.get(k) for k in ('model', 'pretrained', 'quick_gelu'))
    if isinstance(model, Mapping):
        _check_model_cfg(model, 'clip.model')
        spec = ClipSpec(
            name='clip.model=dict(...)',
            model_cfg=model,
            quick_gelu=_agreed(quick_gelu, model.get('quick_gelu'), 'clip.model.quick_gelu'),
            path=None if pretrained is None else _existing_file(pretrained, tags=()),
        )
    elif brings_its_own_weights(model):
        if pretrained is not None:
            raise ValueError(
                f'clip.model={model!r} brings its own weights, but clip.pretrained={pretrained!r} '
                'is set too: remove it (clip.pretrained=None)'
            )
        folder = BUILT_IN.get(model) or Path(model[len(LOCAL_DIR) :]).expanduser()
        spec = _from_folder(model, folder, quick_gelu)
    else:
        spec = _from_name(model, pretrained, quick_gelu)
    return dataclasses.replace(spec, cache_dir=clip.get('cache_dir'))


def brings_its_own_weights(model: str) -> bool:
    """Whether a ``clip.model`` is a folder with weights: a built-in CLIP or a ``local-dir:``.

    Args:
        model (str): As in the config.

    Returns:
        bool: False for the models that open_clip knows, whose weights are named beside them.
    """
    return model in BUILT_IN or model.startswith(LOCAL_DIR)


@contextmanager
def _cache_alone_without_network(tag_cfg: Mapping) -> Iterator[None]:
    """Let the hub look into its cache alone where it can't be reached.

    By itself it asks again and again for each name that a file may have, a minute and more.
    """
    constants = huggingface_hub.constants
    before = constants.HF_HUB_OFFLINE
    if tag_cfg.get('hf_hub') and not is_reachable(constants.ENDPOINT):
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def is_reachable(address: str) -> bool:
    """Whether something answers there within five seconds, whatever it answers.

    Args:
        address (str): A URL.

    Returns:
        bool: False without a network.
    """
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _checked_keys(clip: Any) -> dict:
    if isinstance(clip, str):
        if not brings_its_own_weights(clip):
            raise ValueError(
                f"clip={clip!r}: as a string only {_quoted(BUILT_IN)} and '{LOCAL_DIR}/path' are "
                f'known; write clip=dict(model={clip!r}, pretrained=...) for others'
            )
        clip = dict(model=clip)
    if not isinstance(clip, Mapping):
        raise TypeError(
            f"clip must be a dict such as dict(model='ViT-B-16', pretrained='openai'), "
            f'but is {type(clip).__name__}: {clip!r}'
        )
    clip = _plain(clip)
    for key in clip:
        if key not in CLIP_KEYS:
            raise ValueError(f'clip has an unknown key {key!r}; known: {", ".join(CLIP_KEYS)}')
    if not isinstance(clip.get('model'), (str, Mapping)):
        raise TypeError(
            f"clip.model must be a model name, {_quoted(BUILT_IN)}, '{LOCAL_DIR}/path' or an "
            f'open_clip model config (dict), but is {clip.get("model")!r}'
        )
    if isinstance(clip.get('pretrained'), Path):
        clip['pretrained'] = str(clip['pretrained'])
    if not isinstance(clip.get('pretrained'), (str, type(None))):
        raise TypeError(
            'clip.pretrained must be a tag, a path or None, but is '
            f'{type(clip["pretrained"]).__name__}'
        )
    if clip.get('quick_gelu') not in (None, True, False):
        raise TypeError(f'clip.quick_gelu must be True, False or None: {clip["quick_gelu"]!r}')
    return clip


def _quoted(names: Iterable[str]) -> str:
    return ', '.join(repr(name) for name in names)


def _plain(value: Any) -> Any:
    """Config objects as plain dicts and lists, so that open_clip never meets a ConfigDict."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _from_folder(name: str, folder: Path, quick_gelu: bool | None) -> ClipSpec:
    config_file = folder / 'open_clip_config.json'
    if not config_file.is_file():
        raise FileNotFoundError(
            f'clip.model={name!r}: {config_file} does not exist; the folder must hold '
            f'open_clip_config.json and the weights ({WEIGHT_FILES[0]}, ...)'
        )
    try:
        model_cfg = open_clip.get_model_config(f'{LOCAL_DIR}{folder}')
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f'clip.model={name!r}: {config_file} is not an open_clip config: {error}'
        ) from error
    _check_model_cfg(model_cfg, f'model_cfg of {config_file}')
    return ClipSpec(
        name=f'clip.model={name!r}',
        model_cfg=model_cfg,
        quick_gelu=_agreed(quick_gelu, model_cfg.get('quick_gelu'), f'quick_gelu of {config_file}'),
        path=_weights_in(folder, name),
        bpe_path=_vocabulary_in(folder, name),
    )


def _from_name(name: str, pretrained: str | None, quick_gelu: bool | None) -> ClipSpec:
    # Names in papers have a slash (ViT-B/16), open_clip's a dash.
    cleaned = name.replace('/', '-')
    known = open_clip.list_models()
    if cleaned not in known:
        hint = (
            f'download the model and use {LOCAL_DIR}/path'
            if name.startswith('hf-hub:')
            else f'did you mean {_near_matches(cleaned, [*known, *BUILT_IN])}?'
        )
        raise ValueError(f'clip.model={name!r} is not a model that open_clip knows; {hint}')
    base = cleaned.removesuffix(QUICK_GELU_SUFFIX)
    model_cfg = open_clip.get_model_config(cleaned)
    named = True if cleaned != base else model_cfg.get('quick_gelu')
    spec = ClipSpec(
        name=f'clip.model={name!r}',
        model_cfg=model_cfg,
        quick_gelu=_agreed(quick_gelu, named, f'clip.model={name!r}'),
    )
    if pretrained is None:
        return spec
    tag_cfg = open_clip.get_pretrained_cfg(base, pretrained)
    tag_cfg = tag_cfg or open_clip.get_pretrained_cfg(cleaned, pretrained)
    if not tag_cfg:
        tags = open_clip.list_pretrained_tags_by_model(base)
        path = _existing_file(pretrained, tags)
        quick_gelu_tags = tuple(
            tag for tag in tags if open_clip.get_pretrained_cfg(base, tag).get('quick_gelu')
        )
        return dataclasses.replace(spec, path=path, quick_gelu_tags=quick_gelu_tags)
    # A tag without the entry was trained with what its architecture's config says.
    base_cfg = open_clip.get_model_config(base) or model_cfg
    trained_with = bool(tag_cfg.get('quick_gelu', base_cfg.get('quick_gelu', False)))
    if spec.quick_gelu is not None and spec.quick_gelu != trained_with:
        key = f'clip.quick_gelu={quick_gelu}' if quick_gelu is not None else spec.name
        raise ValueError(
            f'{key} asks for {_activation(spec.quick_gelu)}, but the weights '
            f'clip.pretrained={pretrained!r} were trained with {_activation(trained_with)}: use '
            f'clip.model={base!r} and leave clip.quick_gelu out'
        )
    return dataclasses.replace(spec, quick_gelu=trained_with, tag=pretrained, tag_cfg=tag_cfg)


def _activation(quick_gelu: bool) -> str:
    return 'QuickGELU' if quick_gelu else 'GELU'


def _agreed(explicit: bool | None, configured: bool | None, where: str) -> bool | None:
    configured = None if configured is None else bool(configured)
    if explicit is None:
        return configured
    if configured not in (None, explicit):
        raise ValueError(
            f'clip.quick_gelu={explicit} contradicts {where}, which means '
            f'{_activation(configured)}: remove one of them'
        )
    return explicit


def _check_model_cfg(model_cfg: Any, where: str) -> None:
    if not isinstance(model_cfg, Mapping):
        raise TypeError(f'{where} must be a dict, but is {type(model_cfg).__name__}')
    for key in ('embed_dim', 'vision_cfg', 'text_cfg'):
        if key not in model_cfg:
            raise ValueError(f'{where} lacks {key!r}; needed: embed_dim, vision_cfg, text_cfg')
    for key in model_cfg:
        if key not in MODEL_KEYS:
            raise ValueError(
                f'{where} has an unknown key {key!r}; known: {", ".join(sorted(MODEL_KEYS))}'
            )
    parts = dict(vision_cfg=open_clip.CLIPVisionCfg, text_cfg=open_clip.CLIPTextCfg)
    for part, cls in parts.items():
        known = [field.name for field in dataclasses.fields(cls)]
        for key in model_cfg[part]:
            if key not in known:
                raise ValueError(
                    f'{where}, {part} has an unknown key {key!r}; did you mean '
                    f'{_near_matches(key, known)}?'
                )


def _existing_file(pretrained: str, tags: Iterable[str]) -> Path:
    path = Path(pretrained).expanduser()
    if path.is_file():
        return path
    if path.suffix or len(path.parts) > 1:
        raise FileNotFoundError(f'clip.pretrained={pretrained!r}: there is no such file')
    known = f'known tags: {_near_matches(pretrained, tags)}' if tags else 'this model has no tags'
    raise ValueError(
        f'clip.pretrained={pretrained!r} is neither a file nor a pretrained tag of this model; '
        f'{known}'
    )


def _weights_in(folder: Path, name: str) -> Path:
    for file_name in WEIGHT_FILES:
        if (folder / file_name).is_file():
            return folder / file_name
    others = [path for end in ('safetensors', 'bin', 'pth') for path in folder.glob(f'*.{end}')]
    if len(others) == 1:
        return others[0]
    found = ', '.join(sorted(path.name for path in others)) or 'none'
    raise FileNotFoundError(
        f'clip.model={name!r}: {folder} must hold exactly one weights file, or one of these names: '
        f'{", ".join(WEIGHT_FILES)}; found: {found}'
    )


def _vocabulary_in(folder: Path, name: str) -> Path | None:
    files = sorted(folder.glob('bpe_*vocab*'))
    if len(files) > 1:
        raise ValueError(
            f'clip.model={name!r}: {folder} holds several vocabularies '
            f'({", ".join(path.name for path in files)}); keep one'
        )
    # Absolute: open_clip falls back to OpenAI's vocabulary without a word otherwise.
    return files[0].resolve() if files else None


def _near_matches(word: str, known: Iterable[str]) -> str:
    """The known words, those that look like ``word`` alone where there are any."""
    known = sorted(known)
    return ', '.join(difflib.get_close_matches(word, known, n=5, cutoff=0.5) or known)
