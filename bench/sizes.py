"""The requests and sizes that are timed."""

# Sizes of letters: tiny, about 4 million and about 33 million elements of the prediction. Files
# for "fixed" are emitted for the sizes of tiny; all others take any size.
USUAL = {
    "tiny": {"N": 32, "C": 10, "D": 10, "I": 10},
    "fixed": {},
    "4M": {"N": 4096, "C": 1000, "D": 1000, "I": 256},
    "33M": {"N": 32768, "C": 1000, "D": 1000, "I": 256},
}

# Losses whose prediction has another shape, or that are used at other sizes.
OWN = {
    "cross_entropy": {"33M": {"N": 2048, "C": 32000}},
    "focal": {"33M": {"N": 2048, "C": 32000}},
    "nll": {"33M": {"N": 2048, "C": 32000}},
    "quantile": {"4M": {"N": 1_400_000}, "33M": {"N": 11_200_000}},
    "margin_ranking": {"4M": {"N": 4_000_000}, "33M": {"N": 33_000_000}},
    "cosine_embedding": {"4M": {"N": 16384, "D": 256}, "33M": {"N": 131072, "D": 256}},
    "triplet_margin": {"4M": {"N": 16384, "D": 256}, "33M": {"N": 131072, "D": 256}},
    "triplet_margin_with_distance": {"4M": {"N": 16384, "D": 256}, "33M": {"N": 131072, "D": 256}},
    "generalized_box_iou": {"4M": {"N": 1_000_000}, "33M": {"N": 8_000_000}},
    "distance_box_iou": {"4M": {"N": 1_000_000}, "33M": {"N": 8_000_000}},
    "complete_box_iou": {"4M": {"N": 1_000_000}, "33M": {"N": 8_000_000}},
    "multilabel_margin": {"4M": {"N": 4096, "C": 100}, "33M": {"N": 32768, "C": 100}},
    "linear_cross_entropy": {"4M": {"N": 4096, "C": 1000, "I": 256}, "33M": {"N": 8192, "C": 4000, "I": 256}},
    "adaptive_log_softmax_with_loss": {
        "tiny": {"H0": 4, "H1": 2, "C": 10}, "4M": {"N": 4096, "I": 256, "H0": 64, "H1": 16, "C": 10},
        "33M": {"N": 32768, "I": 256, "H0": 64, "H1": 16, "C": 10}},
    "multi_task": {"4M": {"D": 500}, "33M": {"D": 500}},
    "ctc": {"tiny": {"T": 8, "N": 4, "C": 10, "S": 3}, "4M": {"T": 200, "N": 16, "C": 1000, "S": 30},
            "33M": {"T": 500, "N": 32, "C": 2000, "S": 50}},
}

# Losses whose default reduction is none are timed with mean, like all others.
ARGUMENTS = {name: ["--reduction", "mean"] for name in
             ("sigmoid_focal", "generalized_box_iou", "distance_box_iou", "complete_box_iou")}

# Requests beside the defaults.
EXTRA = {
    "cross_entropy, weight": ["cross_entropy", "--with", "weight"],
    "cross_entropy, label smoothing": ["cross_entropy", "--label-smoothing", "0.1"],
}


def sizes_of(loss, size):
    size = "tiny" if size == "fixed" else size
    sizes = {**USUAL[size], **OWN.get(loss, {}).get(size, {})}
    # A composition's sizes are its tasks' own.
    return {**sizes, **{f"{task}_{letter}": n for task in "ab" for letter, n in list(sizes.items())}}
