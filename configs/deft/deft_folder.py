# DeFT on your own images, whose labels may be wrong: a folder for each class, or a list file.
#   python tools/train.py configs/deft/deft_folder.py --cfg-options data_root=/path/to/images
# More of them: train_path=, val_path=, val_ratio=, classes=, see `../_base_/datasets/folder.py`.
_base_ = ['../_base_/datasets/folder.py', '../_base_/methods/deft.py']

# How much is wrong is not known. 'real_world' is the recipe of the paper's reference code for such
# data, with constant learning rates and 5 epochs of stage 2 (methods/deft_real_world.py has all of
# it): it rejects more, wrong and right labels. With CLIPs that know the classes badly it rejected
# twice as many right ones, so the milder recipe is the default, from contexts of words, which are
# steadier than random ones.
model = dict(
    detector=dict(
        head=dict(
            num_classes=None,  # taken from the data
            recipe='synthetic',
            ctx_init='a photo of a',
            neg_ctx_init='a photo of a',
        )
    ),
    classifier=dict(head=dict(num_classes=None)),
)
default_hooks = dict(
    # what is wrong with the files: in the log, and in data_report.csv
    data_report=dict(type='DataReportHook'),
)
