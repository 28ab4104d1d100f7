"""Leaves dropout on: every answer is another."""
# loses: ask

# %% solve=ask
def ask(network, image, roll):
    network.train()
    with torch.no_grad():
        logits = network(torch.as_tensor(image)[None], torch.as_tensor(roll)[None])
    return torch.sigmoid(logits)[0].numpy()
