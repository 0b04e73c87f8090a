# Cross entropy with smoothed labels: a tenth of each spread over all classes, as in the paper in
# which label smoothing withstands noise (Lukasik et al., 2020, arXiv 2003.02819).
method = dict(
    model=dict(head=dict(loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')))
)
