"""What a prompt head needs to know of the data: class names."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from deft_mm.engine.stage_switch import bare_model, is_training
from deft_mm.models.heads import TextHead


@HOOKS.register_module()
class PromptHeadHook(Hook):
    """Give heads that write prompts the data set's class names.

    A head whose config lists its ``class_names`` keeps them. Numbers of classes are compared before
    training: those of the data set's metainfo, the config's names and ``num_classes`` of every
    head.

    Example:

        .. code:: python

            default_hooks = dict(prompt_head=dict(type='PromptHeadHook'))
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner) -> None:
        """Check the number of classes and hand out the class names.

        Raises:
            ValueError: If a head and the data set differ in their number of classes, or if neither
                the data set nor the config has class names.
        """
        dataset = _dataset_of(runner)
        names = (getattr(dataset, 'metainfo', None) or {}).get('classes')
        for path, module in bare_model(runner).named_modules():
            count = getattr(module, 'num_classes', None)
            if names is not None and path.endswith('head') and isinstance(count, int) and count > 0:
                _check_count(path, count, names, dataset)
            if isinstance(module, TextHead) and module.class_names is None:
                if names is None and not is_training(runner):
                    continue  # a checkpoint brings the prompts
                if names is None:
                    raise ValueError(
                        f'{type(dataset).__name__} has no class names, which model.{path} needs '
                        "for its prompts: set the data set's metainfo=dict(classes=(...)) or "
                        f'model.{path}.class_names, in the order of the labels.'
                    )
                module.set_class_names(names)

    def after_val(self, runner) -> None:
        """Have text features computed anew: EMAHook has put other weights back."""
        self._forget_features(runner)

    def after_test(self, runner) -> None:
        """Have text features computed anew: EMAHook has put other weights back."""
        self._forget_features(runner)

    @staticmethod
    def _forget_features(runner) -> None:
        for module in runner.model.modules():
            if isinstance(module, TextHead):
                module.forget_features()


def _dataset_of(runner):
    """The data set of the loop that is about to run."""
    for name in ('_train_loop', '_val_loop', '_test_loop'):
        dataloader = getattr(getattr(runner, name, None), 'dataloader', None)
        if dataloader is not None:
            return dataloader.dataset
    return None


def _check_count(path: str, count: int, names, dataset) -> None:
    if count != len(names):
        raise ValueError(
            f'model.{path}.num_classes is {count}, but {type(dataset).__name__} has {len(names)} '
            f'classes ({names[0]}, ..., {names[-1]}): set model.{path}.num_classes={len(names)} or '
            'correct the class list.'
        )
