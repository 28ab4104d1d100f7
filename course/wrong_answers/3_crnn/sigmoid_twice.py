"""Applies the sigmoid before a loss that contains one: no answer is ever surer than 73 %."""
# loses: loss step

# %% solve=loss
def cross_entropy(logits, target):
    return nn.functional.binary_cross_entropy_with_logits(torch.sigmoid(logits), target)
