# What every config shares: registered classes, hooks, logging, seeds.
custom_imports = dict(imports=['deft_mm'], allow_failed_imports=False)
default_scope = 'mmpretrain'

# Hooks are named, so that a config that changes one keeps the others.
default_hooks = dict(
    # eta of the whole run
    timer=dict(type='RunTimerHook'),
    logger=dict(type='LoggerHook', interval=100),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    checkpoint=dict(
        type='CheckpointHook',
        interval=1,
        max_keep_ckpts=3,
        # a killed run never leaves half a checkpoint
        backend_args=dict(backend='atomic_local'),
    ),
    visualization=dict(type='VisualizationHook', enable=False),
    # compile=True compiles the image towers only
    compile=dict(type='CompileHook'),
    # class names for heads with prompts
    prompt_head=dict(type='PromptHeadHook'),
    # epoch, samples of the batch, class counts for heads and losses that ask for them
    loss_context=dict(type='LossContextHook'),
    # a resumed epoch draws what it would have drawn without the interruption
    epoch_seed=dict(type='EpochSeedHook'),
    # checkpoints of plain types, for torch.load(weights_only=True); what a run resumes from
    safe_checkpoint=dict(type='SafeCheckpointHook'),
    # precision, recall and F1 of the running selection in stage 1
    selection_log=dict(type='SelectionLogHook'),
    # TF32; batch and learning rates of several processes
    run_settings=dict(type='RunSettingsHook'),
    # what part of the time the training waited for data
    data_time=dict(type='DataTimeHook'),
    # a loss that is not finite, an epoch without a batch: one sentence, and the end
    guard=dict(type='TrainingGuardHook'),
    summary=dict(type='SummaryHook'),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # seconds that processes wait for one that fits, writes or downloads
    dist_cfg=dict(backend='nccl', timeout=7200),
    # TF32 for float32 on GPUs that have it; False: full float32
    tf32=True,
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='UniversalVisualizer', vis_backends=vis_backends)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0, deterministic=False)
