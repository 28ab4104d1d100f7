"""Adds up instead of averaging: the learning rate depends on the size of the crop."""
# loses: loss step

# %% solve=loss
def cross_entropy(logits, target):
    return (torch.logaddexp(torch.zeros_like(logits), logits) - logits * target).sum()
