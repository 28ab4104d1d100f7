"""Follows the formula to the letter: infinite as soon as the network is sure and wrong."""
# loses: loss

# %% solve=loss
def cross_entropy(logits, target):
    p = torch.sigmoid(logits)
    return -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()
