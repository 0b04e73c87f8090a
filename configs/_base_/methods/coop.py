# CoOp: a prompt context is learned, one for all classes; both towers of CLIP ViT-B/16 are frozen.
# Contexts, SGD with momentum 0.9 and weight decay 5e-4, its rate, one warm-up epoch and a cosine
# are those of the authors' configs. What is not: theirs are for 16 images a class, 200 epochs in
# batches of 32; here all images are trained on, for as long as by the other methods.
clip = dict(model='ViT-B-16', pretrained='openai')
method = dict(
    model=dict(
        backbone=dict(out_type='projected', peft=None),
        head=dict(
            _delete_=True,
            type='PromptHead',
            clip=clip,
            num_classes=100,
            n_ctx=16,
            class_position='end',
            class_specific=False,
            ctx_init_std=0.02,
        ),
    ),
    optim_wrapper=dict(optimizer=dict(lr=0.002)),
    param_scheduler=[
        # 1e-5 in the first epoch: before `end` the factor is taken off again
        dict(type='ConstantLR', factor=0.005, end=2),
        dict(type='CosineAnnealingLR', eta_min=0),
    ],
)
del clip
