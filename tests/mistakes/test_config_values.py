"""Values that are out of range or do not fit, misspelt keys and classes that there are not."""

import warnings

import pytest

from deft_mm.engine.launch import read_config
from mistakes.rows import DIGITS, PLAIN, PROMPT, rows, train

NOISE = 'train_dataloader.dataset.noise'
HEAD = 'model.detector.head'
BACKBONE = 'model.detector.backbone'
FILTER = 'default_hooks.noise_filter'
SGD = 'optim_wrapper.detector.optimizer'


def plain(*options: str) -> list:
    """Train a model of one stage."""
    return train(*options, config=PLAIN)


def prompt(*options: str) -> list:
    """Train one prompt a class."""
    return train(*options, config=PROMPT)


@rows(
    ('lr as a word', train(f'{SGD}.lr=fast'), r"optimizer\.lr='fast': lr of SGD takes a number"),
    ('momentum', train(f'{SGD}.momentum=high'), r"momentum='high': .* takes a number"),
    ('weight decay', train(f'{SGD}.weight_decay=no'), r"weight_decay='no': .* takes a number"),
    ('epochs', train('train_cfg.max_epochs=ten'), r"train_cfg\.max_epochs='ten': .* an integer"),
    ('val_begin', train('train_cfg.val_begin=soon'), r"val_begin='soon': .* takes an integer"),
    ('batch', train('train_dataloader.batch_size=big'), r"train_dataloader\.batch_size='big': .*"),
    ('workers', train('val_dataloader.num_workers=2x'), r"val_dataloader\.num_workers='2x': "),
    ('drop_last', train('train_dataloader.drop_last=yes'), r"drop_last='yes': .* True or False"),
    ('seed', train('randomness.seed=x'), r"randomness\.seed='x': .* takes an integer or None"),
    ('deterministic', train('randomness.deterministic=no'), r"deterministic='no': .* True or Fals"),
    ('resume', train('resume=yes'), r"resume='yes': resume of Runner takes True or False"),
    ('hooks', train('default_hooks=none'), r"default_hooks='none': .* takes a dict"),
    ('dist_cfg', train('env_cfg.dist_cfg=3'), r'env_cfg\.dist_cfg=3: .* takes a dict or None'),
    ('tf32', train('env_cfg.tf32=fast'), r"env_cfg\.tf32='fast': .* takes True or False"),
    ('base batch size', train('auto_scale_lr.base_batch_size=a'), r"batch_size='a': .* an integer"),
    ('share', train(f'{FILTER}.limits.max_rejected=80%'), r"limits\.max_rejected='80%': .* number"),
    ('shuffle', train('train_dataloader.sampler.shuffle=all'), r"sampler\.shuffle='all': .* True"),
    ('in_channels', plain('model.head.in_channels=a'), r"head\.in_channels='a': .* an integer"),
    (
        'half an epoch',
        train('train_cfg.max_epochs=2.5'),
        r'train_cfg\.max_epochs=2\.5: .* an integ',
    ),
    ('half a val_begin', train('train_cfg.val_begin=2.5'), r'val_begin=2\.5: .* takes an integer'),
    ('half an interval', train('train_cfg.val_interval=2.5'), r'val_interval=2\.5: .* an integer'),
    ('half a sample', train('train_dataloader.batch_size=2.5'), r'batch_size=2\.5: .* an integer'),
    ('batch of 2.0', train('train_dataloader.batch_size=2.0'), r'batch_size=2\.0: .* an integer'),
    ('half a worker', train('val_dataloader.num_workers=1.5'), r'num_workers=1\.5: .* an integer'),
    (
        'prefetch',
        train('val_dataloader.prefetch_factor=2.5'),
        r'prefetch_factor=2\.5: .* an integer',
    ),
    (
        'batches',
        train('train_dataloader.num_batch_per_epoch=2.5'),
        r'per_epoch=2\.5: .* an integer',
    ),
    ('seed of 1.5', train('randomness.seed=1.5'), r'randomness\.seed=1\.5: .* an integer or None'),
    ('window', train('log_processor.window_size=2.5'), r'window_size=2\.5: .* takes an integer'),
    (
        'text as window',
        train('log_processor.window_size=epoch'),
        r"window_size='epoch': .* an integ",
    ),
    (
        'save interval',
        train('default_hooks.checkpoint.interval=1.5'),
        r'checkpoint\.interval=1\.5: interval of CheckpointHook takes an integer',
    ),
    (
        'kept',
        train('default_hooks.checkpoint.max_keep_ckpts=1.5'),
        r'checkpoint\.max_keep_ckpts=1\.5: .* takes an integer',
    ),
    (
        'accumulation',
        train('optim_wrapper.detector.accumulative_counts=1.5'),
        r'detector\.accumulative_counts=1\.5: .* takes an integer',
    ),
    (
        'part',
        plain('val_dataloader.dataset.indices=0.5'),
        r'indices=0\.5: .* takes an integer or a li',
    ),
    (
        'multiplier',
        plain('optim_wrapper.paramwise_cfg.bias_lr_mult=x'),
        r"paramwise_cfg\.bias_lr_mult='x': .* takes a number or None",
    ),
)
def test_type_of_a_setting_of_mmengine_or_pytorch(command, sentence, ends_with):
    ends_with(command, rf'^train\.py: .*{sentence}')


@rows(
    ('batch size', train('train_dataloader.batch_size=0'), r'train_dataloader\.batch_size=0: '),
    ('val batch size', train('val_dataloader.batch_size=-1'), r'val_dataloader\.batch_size=-1: '),
    ('workers', train('train_dataloader.num_workers=-1'), r'train_dataloader\.num_workers=-1: '),
    ('no epoch', plain('train_cfg.max_epochs=0'), r'train_cfg\.max_epochs=0: give 1 or more'),
    ('val_interval', train('train_cfg.val_interval=0'), r'train_cfg\.val_interval=0: give 1 or mo'),
    ('lr', train(f'{SGD}.lr=-1'), r'optim_wrapper\.detector\.optimizer\.lr=-1: give 0 or more'),
    ('momentum', train(f'{SGD}.momentum=-0.1'), r'optimizer\.momentum=-0\.1: give 0 or more'),
    ('weight decay', train(f'{SGD}.weight_decay=-1'), r'optimizer\.weight_decay=-1: give 0 or'),
    (
        'accumulation',
        train('optim_wrapper.detector.accumulative_counts=0'),
        r'optim_wrapper\.detector\.accumulative_counts=0: give 1 or more',
    ),
    (
        'clipping',
        train('optim_wrapper.detector.clip_grad.max_norm=-1'),
        r'clip_grad\.max_norm=-1: give 0 or more',
    ),
    (
        'bound',
        train(
            'optim_wrapper.detector.clip_grad.max_norm=1',
            'optim_wrapper.detector.clip_grad.type=norms',
        ),
        r"type='norms': choose one of",
    ),
    (
        'no bound',
        train('optim_wrapper.classifier.clip_grad.norm_type=2'),
        r'optim_wrapper\.classifier\.clip_grad has no max_norm: give it, or .*clip_grad=None',
    ),
    (
        'multiplier',
        plain('optim_wrapper.paramwise_cfg.norm_decay_mult=-1'),
        r'paramwise_cfg\.norm_decay_mult=-1: give 0 or more',
    ),
    (
        'prefetch',
        train('train_dataloader.prefetch_factor=0', 'train_dataloader.num_workers=1'),
        r'train_dataloader\.prefetch_factor=0: give 1 or more',
    ),
    (
        'timeout of data',
        train('val_dataloader.timeout=-1'),
        r'val_dataloader\.timeout=-1: give 0 or',
    ),
    (
        'no batch',
        train('train_dataloader.num_batch_per_epoch=0'),
        r'train_dataloader\.num_batch_per_epoch=0: give 1 or more',
    ),
    (
        'no sample',
        plain('val_dataloader.dataset.indices=0'),
        r'indices=0 leaves no sample: give th',
    ),
    (
        'no file',
        train('default_hooks.noise_filter.out_file='),
        r"NoiseFilterHook\.out_file is '': give the name of a file",
    ),
    (
        'no index',
        train('train_dataloader.dataset.dataset.indices=[1,99999]'),
        r'train_dataloader\.dataset\.dataset\.indices has 99999, but .* 1297 samples',
    ),
    (
        'samples before the first',
        plain('val_dataloader.dataset.indices=[-501]'),
        r'val_dataloader\.dataset\.indices has -501, but .* has 500 samples: give',
    ),
    (
        'parts of a sample',
        plain('val_dataloader.dataset.indices=[1,2.5]'),
        r'val_dataloader\.dataset\.indices has 2\.5, but',
    ),
    (
        'an empty list of samples',
        train('train_dataloader.dataset.dataset.indices=[]'),
        r'indices=\[\] leaves no sa',
    ),
    (
        'window',
        train('log_processor.window_size=0'),
        r'log_processor\.window_size=0: give 1 or mor',
    ),
    (
        'no save interval',
        train('default_hooks.checkpoint.interval=0'),
        r'checkpoint\.interval is 0: set it to 1 or more, or to -1 for no checkpoint',
    ),
    (
        'kept',
        train('default_hooks.checkpoint.max_keep_ckpts=-2'),
        r'checkpoint\.max_keep_ckpts is -2: set it to 1 or more, or to -1 for all of them',
    ),
    (
        'begin of saving',
        train('default_hooks.checkpoint.save_begin=-1'),
        r'checkpoint\.save_begin=-1: give 0 or more',
    ),
    ('base batch', train('auto_scale_lr.base_batch_size=0'), r'base_batch_size=0: give 1 or more'),
    (
        'log interval',
        train('default_hooks.logger.interval=0'),
        r'logger\.interval=0: give',
    ),
    ('seed', train('randomness.seed=-1'), r'randomness\.seed=-1: give 0 or more'),
    ('log level', train('log_level=LOUD'), r"log_level='LOUD': choose one of DEBUG, INFO"),
    (
        'start',
        train('env_cfg.mp_cfg.mp_start_method=x'),
        r"mp_start_method='x': choose one of",
    ),
    ('timeout', train('env_cfg.dist_cfg.timeout=-1'), r'env_cfg\.dist_cfg\.timeout=-1: give the'),
    (
        'no val data',
        train('val_dataloader=None'),
        r'val_dataloader is None or missing: .* all',
    ),
    ('no test cfg', train('test_cfg=None'), r'test_cfg is None or missing: .* all three of test_'),
    ('no training', train('train_cfg=None'), r'has no train_cfg, or None: training needs one'),
    ('no optimizer', plain('optim_wrapper=None'), r'has no optim_wrapper, or None: training needs'),
    ('no model', plain('model=None'), r'ce_digits_sym40\.py has no model'),
    (
        'no stage 2',
        train(f'{FILTER}.detector_epochs=40'),
        r'detector_epochs=40 of train_cfg',
    ),
    ('no stage 1', train(f'{FILTER}.detector_epochs=0'), r'NoiseFilterHook\.detector_epochs=0 of'),
    (
        'noise',
        train(f'{NOISE}.ratio=7'),
        r'SymmetricNoise: `ratio` is a share .* found 7',
    ),
    ('noise below 0', train(f'{NOISE}.ratio=-0.1'), r'SymmetricNoise: `ratio` .* found -0\.1'),
    ('flips', train(f'{NOISE}.type=PairFlipNoise', f'{NOISE}.ratio=2'), r'PairFlipNoise: `ratio` '),
    (
        'mapping',
        train(f'{NOISE}.type=AsymmetricNoise', f'{NOISE}.mapping=nothing'),
        r"AsymmetricNoise: `mapping` is one of .* found 'nothing'",
    ),
    ('noise file', train('train_dataloader.dataset.noise_file=x.txt'), r'`noise_file` .*x\.txt'),
    ('split', train('train_dataloader.dataset.dataset.split=trian'), r"`split` .* found 'trian'"),
    ('no context', train(f'{HEAD}.n_ctx=0'), r'n_ctx is 0: .* between 1 and 73'),
    ('long context', train(f'{HEAD}.n_ctx=99'), r'n_ctx is 99: .* between 1 and 73'),
    ('context of one prompt', prompt('model.head.n_ctx=99'), r'n_ctx is 99: .* between 1 and 73'),
    (
        'memory of one prompt',
        prompt('model.head.text_memory_gb=0'),
        r'PromptHead\.text_memory_gb is 0: set it',
    ),
    (
        'no entropy',
        prompt(f'{FILTER}.selector.eps=0'),
        r'OptimalTransportSelector: `eps` is a number above 0, found 0',
    ),
    (
        'cost',
        prompt(f'{FILTER}.selector.cost=logit'),
        r"OptimalTransportSelector: `cost` is one of prob, log_prob, found 'logit'",
    ),
    (
        'sizes of classes',
        prompt(f'{FILTER}.selector.marginal=[1,2]'),
        r'`marginal` has 2 sizes, and there are 10 classes',
    ),
    (
        'warm-up without flags',
        prompt(f'{FILTER}.begin=1'),
        r"RefilterHook\.begin=1 .* needs their 'kept': set begin=0",
    ),
    ('warm-up', train(f'{HEAD}.warmup_epochs=-1'), r'DualPromptHead\.warmup_epochs is -1'),
    ('position', train(f'{HEAD}.class_position=left'), r"class_position is 'left': set one of end"),
    ('recipe', train(f'{HEAD}.recipe=paper'), r"recipe is 'paper': set one of synthetic, real_w"),
    ('classes', train(f'{HEAD}.num_classes=1'), r'DualPromptHead\.num_classes is 1: .* 2 or more'),
    ('contexts', train(f'{HEAD}.ctx_init_std=-1'), r'ctx_init_std is -1: set it to 0 or more'),
    (
        'memory',
        train(f'{HEAD}.text_memory_gb=0'),
        r'DualPromptHead\.text_memory_gb is 0: set it',
    ),
    ('no words', train(f'{HEAD}.ctx_init='), r"ctx_init is '', 0 tokens"),
    ('tokens', train(f'{BACKBONE}.peft.num_tokens=0'), r'VPT\.num_tokens must be a positive'),
    ('no block', train(f'{BACKBONE}.peft.last_n_blocks=0'), r'VPT\.last_n_blocks=0, .* 4 blocks'),
    ('blocks', train(f'{BACKBONE}.peft.last_n_blocks=99'), r'VPT\.last_n_blocks=99, .* 4 blocks'),
    ('output', train(f'{BACKBONE}.out_type=cls'), r"CLIPVisionTransformer\.out_type='cls' must be"),
    ('clip', train(f'{BACKBONE}.clip.model=ViT-B-16x'), r"clip\.model='ViT-B-16x' .*ViT-B-16"),
    ('clip of all', train('clip.model=ViT-B-16x'), r"clip\.model='ViT-B-16x' .*ViT-B-16"),
    ('folder', train('clip.model=local-dir:/x'), r"clip\.model='local-dir:/x': .* does not exist"),
    ('two clips', train(f'{BACKBONE}.clip.model=ViT-B-32'), r'clip and .*backbone\.clip are two'),
    ('weights', train(f'{BACKBONE}.clip.pretrained=x'), r"clip\.pretrained='x' is set too"),
    ('batch of the pass', train(f'{FILTER}.batch_size=0'), r'NoiseFilterHook\.batch_size is 0'),
    ('curve', train(f'{FILTER}.detection_interval=0'), r'detection_interval is 0: set it to 1'),
    ('rejected', train(f'{FILTER}.limits.max_rejected=2'), r'limits\.max_rejected is a share'),
    (
        'mixture',
        train(f'{FILTER}.selector.type=GMMSelector', f'{FILTER}.selector.threshold=2'),
        r'GMMSelector: `threshold` is a probability',
    ),
    (
        'similarity',
        train(f'{FILTER}.selector.type=ThresholdSelector', f'{FILTER}.selector.threshold=-1'),
        r'ThresholdSelector: `threshold` is a similarity',
    ),
    ('q', plain('model.head.loss.type=GCELoss', 'model.head.loss.q=3'), r'GCELoss\.q is 3: set it'),
    (
        'small loss',
        plain('model.head.loss.type=SmallLoss', 'model.head.loss.noise_ratio=2'),
        r'SmallLoss\.noise_ratio is 2: set it between',
    ),
    (
        'reduction',
        plain('model.head.loss.type=GCELoss', 'model.head.loss.reduction=avg'),
        r"GCELoss\.reduction is 'avg': set one of none, mean, sum",
    ),
    ('no top', plain('model.head.topk=[0]'), r'model\.head\.topk\.0=0: give 1 or more'),
    (
        'top of the head',
        plain('model.head.topk=[11]', 'model.head.cal_acc=True'),
        r'ImageClassifier .* first batch, .* Top-11 accuracy is unavailable',
    ),
    (
        'top of the metric',
        plain('val_evaluator.topk=[1,11]'),
        r'val_evaluator\.topk is \(1, 11\), and there are 10 classes',
    ),
    (
        'cosine',
        train('param_scheduler.detector.T_max=0'),
        r'param_scheduler\.detector\.T_max=0: give 1 or more',
    ),
    (
        'interpolation of validation',
        plain('val_dataloader.dataset.pipeline.0.interpolation=foo'),
        r'val_dataloader\.dataset: making a first batch fails, .* pipeline: KeyError: foo',
    ),
    (
        'interpolation of a worker',
        plain(
            'val_dataloader.dataset.pipeline.0.interpolation=foo', 'val_dataloader.num_workers=1'
        ),
        r"val_dataloader\.dataset: making a first batch fails, .* pipeline: KeyError: 'foo'",
    ),
    (
        'interpolation of training',
        plain('train_dataloader.dataset.dataset.pipeline.1.interpolation=foo'),
        r'train_dataloader\.dataset: making a first batch fails, .* pipeline: KeyError: foo',
    ),
    ('mean', plain('data_preprocessor.mean=[1,2]'), r'ImageClassifier .*first batch, .* tensor b'),
    ('std', plain('data_preprocessor.std=[0,0,0]'), r'data_preprocessor\.std\.0=0: give'),
    (
        'image size',
        train('val_dataloader.dataset.pipeline.0.scale=0'),
        r'val_dataloader\.dataset\.pipeline\.0\.scale=0: give 1 or more',
    ),
    (
        'crop',
        train('train_dataloader.dataset.dataset.pipeline.0.crop_size=-3'),
        r'pipeline\.0\.crop_size=-3: give 1 or more',
    ),
    ('resolution', plain('model.backbone.img_size=0'), r'model\.backbone\.img_size=0: give 1 or'),
    ('width', plain('model.head.in_channels=7'), r'in_channels=7, but .* have the width 128'),
    (
        'module',
        plain('custom_imports.imports=[nosuch]'),
        r'custom_imports: Failed to import nosuch',
    ),
    ('seed of noise', train(f'{NOISE}.seed=-1'), r'SymmetricNoise: `seed` is -1: set it to 0'),
    ('val_begin', plain('train_cfg.val_begin=-1'), r'train_cfg\.val_begin is -1: set it to 1'),
    (
        'alpha',
        plain('model.head.loss.type=SCELoss', 'model.head.loss.alpha=-1'),
        r'SCELoss\.alpha is -1: set it to 0 or more',
    ),
    ('weights to load', train('load_from=no.pth'), r'Checkpoint no\.pth does not exist'),
    ('no accelerator', [*train(), '--amp'], r'--amp .* needs a GPU'),
    (
        'another loop',
        plain('train_cfg.by_epoch=False'),
        r'IterBasedTrainLoop does not take ',
    ),
)
def test_value_that_does_not_fit(command, sentence, ends_with, monkeypatch):
    monkeypatch.setattr('deft_mm.engine.launch.get_device', lambda: 'cpu')
    ends_with(command, rf'^train\.py: .*{sentence}')


@rows(
    ('optimizer', train(f'{SGD}.type=SDG'), r"optimizer\.type='SDG': .* Is it 'SGD'"),
    ('model', train('model.detector.type=ImageClasifier'), r"Is it 'ImageClassifier'"),
    (
        'head',
        train(f'{HEAD}.type=DualPromtHead'),
        r"head\.type='DualPromtHead': .*'DualPr",
    ),
    ('backbone', train(f'{BACKBONE}.type=ClipViT'), r"backbone\.type='ClipViT': nothing of this"),
    ('peft', train(f'{BACKBONE}.peft.type=VTP'), r"peft\.type='VTP': nothing of this name"),
    ('hook', train(f'{FILTER}.type=NoiseFilterHok'), r"noise_filter\.type=.*'NoiseFilterHook'"),
    ('data', train('val_dataloader.dataset.type=Digits'), r"dataset\.type='Digits'.*registered"),
    ('noise', train(f'{NOISE}.type=SymetricNoise'), r"noise\.type=.* Is it 'SymmetricNoise'"),
    ('transform', plain('val_dataloader.dataset.pipeline.0.type=Rezise'), r"0\.type=.*'Resize'"),
    ('metric', train('val_evaluator.type=Acuracy'), r"val_evaluator\.type=.* Is it 'Accuracy'"),
    ('loss', plain('model.head.loss.type=GCLoss'), r"loss\.type='GCLoss': .*'GCELoss'"),
    (
        'collate',
        train('train_dataloader.collate_fn.type=x'),
        r"collate_fn\.type='x': nothing of th",
    ),
    ('sampler', train('train_dataloader.sampler.type=DefaultSamler'), r"'DefaultSampler'"),
    ('schedule', train('param_scheduler.detector.type=CosineAnealingLR'), r"'CosineAnnealingLR'"),
    ('backend', train('visualizer.vis_backends.0.type=Tensorbord'), r'vis_backends\.0\.type='),
    ('selector', train(f'{FILTER}.selector.type=GMSelector'), r"selector\.type=.*'GMMSelector'"),
    ('noise ratio', train(f'{NOISE}.rato=0.2'), r"noise\.rato' changes nothing: .*noise\.ratio'"),
    ('max_epochs', train('train_cfg.max_epoch=2'), r"'train_cfg\.max_epochs'"),
    ('batch_size', train('train_dataloader.batchsize=2'), r"'train_dataloader\.batch_size'"),
    ('no index', train('train_dataloader.dataset.dataset.pipeline.9.size=2'), r"'9' is no index"),
)
def test_class_or_override_that_there_is_not(command, sentence, ends_with):
    ends_with(command, rf'^train\.py: .*{sentence}')


def in_a_file(text: str):
    """Train with a config file of the user's own."""

    def command(folder):
        (folder / 'mine.py').write_text(f'_base_ = {str(DIGITS)!r}\n{text}\n')
        return train(config='mine.py')

    return command


@rows(
    (
        'noise ratio',
        in_a_file('train_dataloader = dict(dataset=dict(noise=dict(rato=0.2)))'),
        r"dataset\.noise has the key 'rato', which SymmetricNoise does not take: is it 'ratio'",
    ),
    (
        'train_cfg',
        in_a_file('train_cfg = dict(max_epoch=2)'),
        r"train_cfg has the key 'max_epoch', which nothing reads: is it 'max_epochs'",
    ),
    (
        'dataloader',
        in_a_file('train_dataloader = dict(batchsize=2)'),
        r"train_dataloader has the key 'batchsize', which nothing reads: is it 'batch_size'",
    ),
    (
        'limits',
        in_a_file('default_hooks = dict(noise_filter=dict(limits=dict(max_reject=0.5)))'),
        r"noise_filter\.limits has the key 'max_reject', which nothing reads: is it 'max_rejected'",
    ),
    (
        'clipping of a stage',
        in_a_file('optim_wrapper = dict(classifier=dict(clip_grad=dict(max_nrom=1)))'),
        r"optim_wrapper\.classifier\.clip_grad has the key 'max_nrom', .* is it 'max_norm'",
    ),
    (
        'clipping by value',
        in_a_file("optim_wrapper = dict(classifier=dict(clip_grad=dict(type='value', value=1)))"),
        r"classifier\.clip_grad has the key 'value', .* is it 'clip_value'",
    ),
    (
        'multipliers of both stages',
        in_a_file('optim_wrapper = dict(paramwise_cfg=dict(bias_lr_mul=2))'),
        r"optim_wrapper\.paramwise_cfg has the key 'bias_lr_mul', .* is it 'bias_lr_mult'",
    ),
    (
        'multipliers of a stage',
        in_a_file('optim_wrapper = dict(detector=dict(paramwise_cfg=dict(norm_decay=0)))'),
        r"detector\.paramwise_cfg has the key 'norm_decay', .* is it 'norm_decay_mult'",
    ),
    (
        'multipliers of some parameters',
        in_a_file("optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'x.y': dict(lr_mul=2)}))"),
        r"custom_keys\.x\.y has the key 'lr_mul', which nothing reads: is it 'lr_mult'",
    ),
    (
        'multipliers of some of a stage',
        in_a_file(
            'optim_wrapper = dict(\n'
            '    detector=dict(paramwise_cfg=dict(custom_keys=dict(prompt=dict(decay=0)))))'
        ),
        r"detector\.paramwise_cfg\.custom_keys\.prompt has the key 'decay', .* is it '\w*decay",
    ),
    (
        'two that remove',
        in_a_file(
            "custom_hooks = [dict(type='CheckpointHook', filename_tmpl='x{}.pth',\n"
            '    max_keep_ckpts=2)]\n'
            'default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))'
        ),
        r'2 CheckpointHooks have max_keep_ckpts, for which MMEngine keeps one list',
    ),
    (
        'one that removes those of another',
        in_a_file(
            "custom_hooks = [dict(type='CheckpointHook', interval=5)]\n"
            'default_hooks = dict(checkpoint=dict(max_keep_ckpts=3))'
        ),
        r"Several CheckpointHooks save as 'epoch_\{\}\.pth', and one has max_keep_ckpts",
    ),
    (
        'checkpoints',
        in_a_file('default_hooks = dict(checkpoint=dict(max_keep=2))'),
        r"checkpoint has the key 'max_keep', which CheckpointHook does not take: is it 'max_keep_",
    ),
    (
        'pictures',
        in_a_file('default_hooks = dict(visualization=dict(enabel=True))'),
        r"has the key 'enabel', which VisualizationHook does not take: is it 'enable'",
    ),
    (
        'processes',
        in_a_file("env_cfg = dict(dist_cfg=dict(backnd='gloo'))"),
        r"env_cfg\.dist_cfg has the key 'backnd', which nothing reads: is it 'backend'",
    ),
    (
        'environment',
        in_a_file('env_cfg = dict(tf23=True)'),
        r"env_cfg has the key 'tf23', which nothing reads: is it 'tf32'",
    ),
    ('name', in_a_file('train_cfg = dict(max_epochs=N)'), r'mine\.py cannot be read: NameError'),
    ('syntax', in_a_file('train_cfg = dict('), r'mine\.py cannot be read: '),
    ('base', in_a_file("_base_.append('no.py')"), r'mine\.py cannot be read: '),
)
def test_config_file(command, sentence, ends_with):
    ends_with(command, rf'^train\.py: .*{sentence}')


def test_misspelt_key_at_the_top_is_warned_of(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(f'_base_ = {str(DIGITS)!r}\ntrain_cgf = dict(max_epochs=2)\n')
    with pytest.warns(UserWarning, match="Nothing reads 'train_cgf' .* is it 'train_cfg'"):
        read_config(str(path), {})
    path.write_text(f'_base_ = {str(DIGITS)!r}\nmy_notes = dict(max_epochs=2)\n')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read_config(str(path), {})
