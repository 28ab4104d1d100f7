"""Hands over one piece without an axis for the batch: its frames are taken for it."""
# loses: ask

# %% solve=ask
def ask(network, image, roll):
    network.eval()
    with torch.no_grad():
        logits = network(torch.as_tensor(image), torch.as_tensor(roll))
    return torch.sigmoid(logits).numpy()
